//! A WebSocket client that remembers what came while it waited for something else.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Socket {
    pub stream: WebSocketStream<TcpStream>,
    early: VecDeque<Value>,
    asked: u64,
}

impl Socket {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::connect_to(address, "/").await
    }

    pub async fn connect_to(address: SocketAddr, path: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (stream, _) = client_async(format!("ws://{address}{path}"), stream)
            .await
            .unwrap();
        Self {
            stream,
            early: VecDeque::new(),
            asked: 0,
        }
    }

    pub async fn send(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    /// The next text, as it arrives.
    async fn arrives(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("nothing came")
            {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("instead of a message: {other:?}"),
            }
        }
    }

    /// The next message that was not asked for before.
    pub async fn next(&mut self) -> Value {
        match self.early.pop_front() {
            Some(early) => early,
            None => self.arrives().await,
        }
    }

    /// The next message, or the code with which the connection is closed.
    pub async fn try_next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("nothing came")
            {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Nothing comes for so long.
    pub async fn silent(&mut self, time: Duration) {
        assert!(self.early.is_empty(), "{:?}", self.early);
        if let Ok(came) = tokio::time::timeout(time, self.arrives()).await {
            panic!("{came}");
        }
    }

    /// Sends a request without waiting for its answer; says its id.
    pub async fn begin(&mut self, mut request: Value) -> String {
        self.asked += 1;
        let id = format!("r{}", self.asked);
        request["requestId"] = id.as_str().into();
        self.send(request.to_string()).await;
        id
    }

    pub async fn answer(&mut self, id: &str) -> Value {
        if let Some(at) = self
            .early
            .iter()
            .position(|early| early["requestId"] == id && early.get("type").is_none())
        {
            return self.early.remove(at).unwrap();
        }
        loop {
            let came = self.arrives().await;
            if came["requestId"] == id && came.get("type").is_none() {
                return came;
            }
            self.early.push_back(came);
        }
    }

    pub async fn ask(&mut self, request: Value) -> Value {
        let id = self.begin(request).await;
        self.answer(&id).await
    }

    /// Subscribes to `geo/cities`; says room and channel.
    pub async fn subscribe(&mut self, filter: Value, options: Value) -> (String, String) {
        let answer = self.ask_to_subscribe(filter, options).await;
        let text = |name: &str| {
            answer["result"][name]
                .as_str()
                .unwrap_or_else(|| panic!("{answer}"))
                .to_owned()
        };
        (text("roomId"), text("channel"))
    }

    pub async fn ask_to_subscribe(&mut self, filter: Value, options: Value) -> Value {
        let mut request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": filter});
        for (name, value) in options.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        self.ask(request).await
    }

    /// With which code and reason it is closed.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("it stays open")
            {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("closed without a word: {other:?}"),
            }
        }
    }
}
