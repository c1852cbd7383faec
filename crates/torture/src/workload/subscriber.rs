//! A subscriber of one collection over a WebSocket: hears, loses its connection, and comes back with
//! the cursor of what it heard last, at the next gateway.

use super::{INDEX, recorder::Recorder};
use crate::history::{HeardChange, Subscription};
use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// For connecting and for a subscription to be active.
const ACTIVE: Duration = Duration::from_secs(60);
/// Between two pings, and as many unanswered as make a connection dead.
const PING: Duration = Duration::from_secs(2);
const UNANSWERED: u32 = 3;

pub(super) struct Subscriber {
    pub(super) gateways: Vec<String>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) heard: Arc<Mutex<Subscription>>,
    request: Value,
    turn: usize,
}

impl Subscriber {
    pub(super) fn new(
        gateways: Vec<String>,
        recorder: Arc<Recorder>,
        collection: &str,
        turn: usize,
    ) -> Self {
        let request = json!({"controller": "realtime", "action": "subscribe", "index": INDEX,
            "collection": collection, "body": {}, "scope": "all", "state": "done",
            "requestId": "subscribe"});
        let heard = Subscription {
            collection: collection.to_owned(),
            active: 0,
            heard: Vec::new(),
            turned_away: Vec::new(),
        };
        Self {
            gateways,
            recorder,
            heard: Arc::new(Mutex::new(heard)),
            request,
            turn,
        }
    }

    /// Subscribes for the first time.
    pub(super) async fn begin(&mut self) -> Result<Socket> {
        let socket = self.subscribe().await?;
        self.heard.lock().active = self.recorder.now();
        Ok(socket)
    }

    /// Hears until it is stopped.
    pub(super) async fn run(mut self, mut socket: Socket) {
        loop {
            self.hear_socket(&mut socket).await;
            drop(socket);
            socket = loop {
                self.turn += 1;
                match self.subscribe().await {
                    Ok(socket) => break socket,
                    Err(_) => sleep(Duration::from_millis(200)).await,
                }
            };
        }
    }

    /// Until the connection ends, or says nothing any more.
    async fn hear_socket(&mut self, socket: &mut Socket) {
        let mut unanswered = 0;
        loop {
            let Ok(message) = timeout(PING, socket.next()).await else {
                unanswered += 1;
                let ping = socket.send(Message::Ping(Vec::new().into()));
                let is_gone = timeout(PING, ping).await.map_or(true, |sent| sent.is_err());
                if is_gone || unanswered > UNANSWERED {
                    return;
                }
                continue;
            };
            unanswered = 0;
            match message {
                Some(Ok(Message::Text(text))) => self.hear_message(&text),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    fn hear_message(&mut self, text: &str) {
        let Ok(told) = serde_json::from_str::<Value>(text) else {
            return;
        };
        if let Some(cursor) = told["cursor"].as_str() {
            self.request["since"] = cursor.into();
        }
        let of = |value: &Value| value.as_str().map(str::to_owned);
        if let (Some(request), Some(id)) = (of(&told["requestId"]), of(&told["result"]["_id"])) {
            let at = self.recorder.now();
            self.heard
                .lock()
                .heard
                .push(HeardChange { at, request, id });
        }
    }

    async fn subscribe(&mut self) -> Result<Socket> {
        let gateway = self.gateways[self.turn % self.gateways.len()].replacen("http", "ws", 1);
        let asked = timeout(ACTIVE, ask_socket(&gateway, &self.request)).await;
        let (socket, answer) = asked.context("no answer")??;
        if answer["status"] == 200 {
            if let Some(cursor) = answer["result"]["cursor"].as_str() {
                let cursor = cursor.into();
                // What is told from before the answer on comes with cursors of its own.
                self.request
                    .as_object_mut()
                    .context("an object")?
                    .entry("since")
                    .or_insert(cursor);
            }
            return Ok(socket);
        }
        let error = answer["error"].to_string();
        if error.contains("cursor") {
            self.heard.lock().turned_away.push(error.clone());
            self.request
                .as_object_mut()
                .context("an object")?
                .remove("since");
        }
        bail!(error)
    }
}

async fn ask_socket(gateway: &str, request: &Value) -> Result<(Socket, Value)> {
    let (mut socket, _) = connect_async(gateway).await?;
    socket.send(Message::text(request.to_string())).await?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else {
            continue;
        };
        let answer: Value = serde_json::from_str(&text)?;
        if answer["requestId"] == request["requestId"] {
            return Ok((socket, answer));
        }
    }
    bail!("closed before the answer")
}
