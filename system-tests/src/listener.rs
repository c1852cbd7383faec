//! A subscriber as a client is one: a WebSocket to one gateway, a subscription, and everything it
//! was told, in the order it came. Where its connection breaks it comes back and subscribes again,
//! and remembers from when on it may expect what.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{Mutex, Notify},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// How long a subscription may take to become active: a notifier's partitions may have to move
/// first.
const ACTIVE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One stretch between a subscription's answer and the end of its connection.
#[derive(Debug, Clone)]
pub struct Session {
    /// When the answer was there.
    pub since: Instant,
    /// By document, the numbers told as done, in the order they came.
    pub told: HashMap<String, Vec<u64>>,
    /// How many are in the room, as it was told of those who came and went.
    pub users: Vec<u64>,
    /// When it was answered that the subscription is no more.
    pub unsubscribed: Option<Instant>,
    /// What was told of the room after that.
    pub strays: Vec<Value>,
    /// What the gateway said when it closed the connection.
    pub closed: Option<u16>,
}

/// A subscriber at work.
#[derive(Debug)]
pub struct Listener {
    pub filter: Value,
    pub gateway: String,
    /// It comes back with the cursor of what it heard last, and so may miss nothing at all.
    pub resumes: bool,
    sessions: Arc<Mutex<Vec<Session>>>,
    leave: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Subscribes at `http://host:port` to `index/collection`; answers when that is active for the
    /// first time.
    ///
    /// # Errors
    /// If it does not become active.
    pub async fn start(gateway: &str, collection: &str, filter: Value) -> Result<Self> {
        Self::start_with(gateway, collection, filter, &json!({}), false).await
    }

    /// The same with further arguments, such as `users`, and as one that resumes or not.
    ///
    /// # Errors
    /// If it does not become active.
    pub async fn start_with(
        gateway: &str,
        collection: &str,
        filter: Value,
        arguments: &Value,
        resumes: bool,
    ) -> Result<Self> {
        let address = gateway.replacen("http", "ws", 1);
        let (index, name) = collection.split_once('/').context("index/collection")?;
        let mut request = json!({"controller": "realtime", "action": "subscribe", "index": index, "collection": name, "body": filter, "requestId": "s"});
        for (argument, value) in arguments.as_object().into_iter().flatten() {
            request[argument] = value.clone();
        }
        let (sessions, leave) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let active = subscribe(&address, &request).await?;
        begin(&sessions).await;
        let ear = Ear {
            address,
            request,
            resumes,
            sessions: sessions.clone(),
            leave: leave.clone(),
        };
        let task = tokio::spawn(ear.run(active));
        Ok(Self {
            filter,
            gateway: gateway.to_owned(),
            resumes,
            sessions,
            leave,
            task,
        })
    }

    /// Unsubscribes, and listens on for what must not come any more.
    ///
    /// # Errors
    /// If that is not answered.
    pub async fn unsubscribe(&self) -> Result<()> {
        self.leave.notify_one();
        let left = async {
            while self
                .sessions
                .lock()
                .await
                .last()
                .is_none_or(|session| session.unsubscribed.is_none())
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(ACTIVE, left)
            .await
            .context("no answer to unsubscribe")
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
    let session = Session {
        since: Instant::now(),
        told: HashMap::new(),
        users: Vec::new(),
        unsubscribed: None,
        strays: Vec::new(),
        closed: None,
    };
    sessions.lock().await.push(session);
}

/// The task of a listener: hears, and comes back.
struct Ear {
    address: String,
    request: Value,
    resumes: bool,
    sessions: Arc<Mutex<Vec<Session>>>,
    leave: Arc<Notify>,
}

/// A subscription, and up to where it was told.
struct Active {
    socket: Socket,
    room: String,
    cursor: String,
}

impl Ear {
    async fn run(mut self, mut active: Active) {
        loop {
            if self.listen(&mut active).await {
                return;
            }
            if self.resumes {
                self.request["since"] = active.cursor.into();
            }
            active = loop {
                match subscribe(&self.address, &self.request).await {
                    Ok(active) => break active,
                    Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            };
            begin(&self.sessions).await;
        }
    }

    /// Until the connection ends. True if nothing is subscribed on it any more.
    async fn listen(&self, active: &mut Active) -> bool {
        loop {
            let message = tokio::select! {
                message = active.socket.next() => message,
                () = self.leave.notified() => {
                    let request = json!({"controller": "realtime", "action": "unsubscribe", "requestId": "u", "body": {"roomId": active.room}});
                    drop(active.socket.send(Message::text(request.to_string())).await);
                    continue;
                }
            };
            let mut sessions = self.sessions.lock().await;
            let Some(session) = sessions.last_mut() else {
                return true;
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    let Ok(told) = serde_json::from_str::<Value>(&text) else {
                        continue;
                    };
                    if let Some(cursor) = told["cursor"].as_str() {
                        cursor.clone_into(&mut active.cursor);
                    }
                    session.hear(told);
                }
                Some(Ok(Message::Close(frame))) => {
                    session.closed = frame.map(|frame| frame.code.into())
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return session.unsubscribed.is_some(),
            }
        }
    }
}

impl Session {
    fn hear(&mut self, told: Value) {
        if told["requestId"] == "u" && told["action"] == "unsubscribe" {
            self.unsubscribed = (told["status"] == 200).then(Instant::now);
        } else if self.unsubscribed.is_some() {
            self.strays.push(told);
        } else if let (Some(id), Some(number)) = (
            told["result"]["_id"].as_str(),
            told["result"]["_source"]["n"].as_u64(),
        ) {
            self.told.entry(id.to_owned()).or_default().push(number);
        } else if let Some(count) = told["result"]["count"].as_u64() {
            self.users.push(count);
        }
    }
}

async fn subscribe(address: &str, request: &Value) -> Result<Active> {
    let asked = async {
        let (mut socket, _) = connect_async(address).await?;
        socket.send(Message::text(request.to_string())).await?;
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message? else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text)?;
            if answer["requestId"] == request["requestId"] {
                if answer["status"] != 200 {
                    bail!("{answer}");
                }
                let text = |name: &str| {
                    answer["result"][name]
                        .as_str()
                        .map(str::to_owned)
                        .with_context(|| format!("no {name} in {answer}"))
                };
                return Ok(Active {
                    room: text("roomId")?,
                    cursor: text("cursor")?,
                    socket,
                });
            }
        }
        bail!("closed before the answer")
    };
    timeout(ACTIVE, asked)
        .await
        .context("the subscription does not become active")?
}
