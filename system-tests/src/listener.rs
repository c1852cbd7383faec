//! A subscriber as a client is one: a WebSocket to one gateway, a subscription, and everything it was told, in the order it came. Where its
//! connection breaks it comes back and subscribes again, and remembers from when on it may expect what.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Mutex, task::JoinHandle, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// How long a subscription may take to become active: a notifier's partitions may have to move first.
const ACTIVE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One stretch between a subscription's answer and the end of its connection.
#[derive(Debug, Clone)]
pub struct Session {
    /// When the answer was there.
    pub since: Instant,
    /// By document, the numbers told as done, in the order they came.
    pub told: HashMap<String, Vec<u64>>,
}

/// A subscriber at work.
#[derive(Debug)]
pub struct Listener {
    pub filter: Value,
    pub gateway: String,
    sessions: Arc<Mutex<Vec<Session>>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Subscribes at `http://host:port` to `index/collection`; answers when that is active for the first time.
    ///
    /// # Errors
    /// If it does not become active.
    pub async fn start(gateway: &str, collection: &str, filter: Value) -> Result<Self> {
        let address = gateway.replacen("http", "ws", 1);
        let (index, name) = collection.split_once('/').context("index/collection")?;
        let request =
            json!({"controller": "realtime", "action": "subscribe", "index": index, "collection": name, "body": filter, "requestId": "s"});
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let socket = subscribe(&address, &request).await?;
        begin(&sessions).await;
        let task = tokio::spawn(run(socket, address, request, sessions.clone()));
        Ok(Self { filter, gateway: gateway.to_owned(), sessions, task })
    }

    /// What it heard so far, by connection.
    pub async fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().await.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn begin(sessions: &Mutex<Vec<Session>>) {
    sessions.lock().await.push(Session { since: Instant::now(), told: HashMap::new() });
}

async fn run(mut socket: Socket, address: String, request: Value, sessions: Arc<Mutex<Vec<Session>>>) {
    loop {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let Ok(told) = serde_json::from_str::<Value>(&text) else { continue };
            let (Some(id), Some(number)) = (told["result"]["_id"].as_str(), told["result"]["_source"]["n"].as_u64()) else { continue };
            if let Some(session) = sessions.lock().await.last_mut() {
                session.told.entry(id.to_owned()).or_default().push(number);
            }
        }
        socket = loop {
            match subscribe(&address, &request).await {
                Ok(socket) => break socket,
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        };
        begin(&sessions).await;
    }
}

async fn subscribe(address: &str, request: &Value) -> Result<Socket> {
    let asked = async {
        let (mut socket, _) = connect_async(address).await?;
        socket.send(Message::text(request.to_string())).await?;
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message? else { continue };
            let answer: Value = serde_json::from_str(&text)?;
            if answer["requestId"] == request["requestId"] {
                if answer["status"] != 200 {
                    bail!("{answer}");
                }
                return Ok(socket);
            }
        }
        bail!("closed before the answer")
    };
    timeout(ACTIVE, asked).await.context("the subscription does not become active")?
}
