//! Whoever goes on with what is about to be taken away: asks each gateway again and again, and listens
//! on one. What is honoured behind an answer is counted.

use super::deployment::{Deployment, GATEWAYS, WriteTimes};
use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// Between two requests to one gateway.
const PACE: Duration = Duration::from_millis(120);
/// How long is asked and listened behind an answer.
const BEHIND: Duration = Duration::from_millis(1_500);
const PATIENCE: Duration = Duration::from_secs(60);
const SEEN: &str = "/ix/co/seen";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A request: when it began, and whether it was honoured.
type Asked = (Instant, bool);

pub struct Watch {
    asking: Vec<JoinHandle<()>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    listening: JoinHandle<()>,
    /// The number of a write of the load, and when it was told.
    told: Arc<Mutex<Vec<(usize, Instant)>>>,
    written: WriteTimes,
}

/// What was found behind an answer.
pub struct Found {
    pub asked_behind: usize,
    pub requests: usize,
    pub notifications: usize,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

impl Watch {
    /// When every gateway honours it, and the subscription on the one of this number is active.
    pub async fn begin(deployment: &Deployment, credential: &str, gateway: usize) -> Result<Self> {
        let (asked, told) = (Arc::default(), Arc::default());
        let socket = subscribed(&deployment.accounts.url(gateway, "/"), credential).await?;
        let listening = tokio::spawn(listen(socket, Arc::clone(&told)));
        let mut asking = Vec::new();
        for gateway in 0..GATEWAYS {
            let url = deployment.accounts.url(gateway, SEEN);
            // Each with a connection of its own.
            let http = Client::new();
            ensure!(
                is_honoured(&http, &url, credential).await,
                "{url}: not honoured at first"
            );
            let (credential, asked) = (credential.to_owned(), Arc::clone(&asked));
            asking.push(tokio::spawn(ask_on(http, url, credential, asked)));
        }
        let watch = Self {
            asking,
            asked,
            listening,
            told,
            written: deployment.written.clone(),
        };
        watch.hears().await?;
        Ok(watch)
    }

    async fn hears(&self) -> Result<()> {
        let heard = async {
            while locked(&self.told).is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, heard)
            .await
            .context("nothing of the load is told")
    }

    /// Goes on for a while behind the answer.
    pub async fn end(self, answered: Instant) -> Result<Found> {
        let until = answered + BEHIND;
        tokio::time::sleep(until.saturating_duration_since(Instant::now())).await;
        for task in self.asking.iter().chain([&self.listening]) {
            task.abort();
        }
        let asked = locked(&self.asked);
        let behind = asked.iter().filter(|(began, _)| *began > answered);
        let written = locked(&self.written);
        let is_late = |number: usize| written.get(number - 1).is_some_and(|at| *at > answered);
        let told = locked(&self.told);
        Ok(Found {
            asked_behind: behind.clone().count(),
            requests: behind.filter(|(_, honoured)| *honoured).count(),
            notifications: told.iter().filter(|(number, _)| is_late(*number)).count(),
        })
    }
}

async fn is_honoured(http: &Client, url: &str, credential: &str) -> bool {
    let answer = http.get(url).bearer_auth(credential).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// One beside the other, as a frozen gateway answers none for a while.
async fn ask_on(http: Client, url: String, credential: String, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let (http, url, credential) = (http.clone(), url.clone(), credential.clone());
        let asked = Arc::clone(&asked);
        tasks.spawn(async move {
            let began = Instant::now();
            let honoured = is_honoured(&http, &url, &credential).await;
            locked(&asked).push((began, honoured));
        });
        while tasks.try_join_next().is_some() {}
        tokio::time::sleep(PACE).await;
    }
}

/// A gateway that was cut off closes connections until it has read on.
async fn subscribed(gateway: &str, credential: &str) -> Result<Socket> {
    let attempts = async {
        loop {
            if let Some(socket) = subscribed_at_once(gateway, credential).await? {
                return Ok(socket);
            }
            tokio::time::sleep(PACE).await;
        }
    };
    timeout(PATIENCE, attempts).await.context("no answer")?
}

/// `None`: the connection was closed instead.
async fn subscribed_at_once(gateway: &str, credential: &str) -> Result<Option<Socket>> {
    let (mut socket, _) = connect_async(gateway.replacen("http", "ws", 1)).await?;
    let ask = json!({
        "controller": "realtime", "action": "subscribe", "index": "ix", "collection": "co", "body": {},
        "requestId": "s", "jwt": credential,
    });
    socket.send(Message::text(ask.to_string())).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_close() {
            return Ok(None);
        }
        let told: Value = serde_json::from_str(message.to_text()?)?;
        if told["requestId"] == "s" {
            ensure!(told["status"] == 200, "{told:#}");
            return Ok(Some(socket));
        }
    }
    Ok(None)
}

async fn listen(mut socket: Socket, told: Arc<Mutex<Vec<(usize, Instant)>>>) {
    while let Some(Ok(message)) = socket.next().await {
        let text = message.to_text().unwrap_or_default();
        let notification: Value = serde_json::from_str(text).unwrap_or_default();
        let number = notification["result"]["_source"]["n"].as_u64();
        if let Some(number) = number.filter(|number| *number > 0) {
            locked(&told).push((number as usize, Instant::now()));
        }
    }
}
