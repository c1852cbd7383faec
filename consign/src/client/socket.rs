//! A WebSocket to a gateway: one subscription, and what it is told, in order. Never waits on a
//! connection that has gone silent.

use super::{Client, envelope};
use crate::failure::Failure;
use futures::{SinkExt, StreamExt};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{Error, Message, Utf8Bytes},
};

const PING: Duration = Duration::from_secs(5);
/// Silent for so long, pings unanswered: gone.
const SILENCE: Duration = Duration::from_secs(15);
/// For connecting and for an answer: a room is active when every notifier says so.
const ANSWER: Duration = Duration::from_secs(40);

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    url: String,
    /// Shown in each request: a connection has no credential of its own.
    token: Option<String>,
    heard: Instant,
}

/// A subscription as it was granted.
#[derive(Debug)]
pub struct Granted {
    pub room: String,
    pub channel: String,
    /// To come back with before anything was told.
    pub cursor: Option<String>,
}

impl Socket {
    pub async fn connect(client: &Client) -> Result<Self, Failure> {
        let url = client.url().replacen("http", "ws", 1);
        let away = |why: String| client.unreachable(&why);
        let connector = client.authority().map(tls_connector).transpose()?;
        let connecting = connect_async_tls_with_config(&url, None, true, connector);
        let connected = tokio::time::timeout(ANSWER, connecting).await;
        let (stream, _) = connected
            .map_err(|_| away("no answer".to_owned()))?
            .map_err(|error| away(connect_error_text(&error)))?;
        Ok(Self {
            stream,
            url,
            token: client.token().map(str::to_owned),
            heard: Instant::now(),
        })
    }

    /// Subscribes with these arguments of `realtime:subscribe`.
    pub async fn subscribe(&mut self, arguments: Value) -> Result<Granted, Failure> {
        let mut request = envelope::request_envelope("realtime", "subscribe", arguments);
        request["requestId"] = "subscribe".into();
        if let Some(token) = &self.token {
            request["jwt"] = token.as_str().into();
        }
        self.send(Message::text(request.to_string())).await?;
        let answer = tokio::time::timeout(ANSWER, self.text()).await;
        let text = answer.map_err(|_| self.lost("it does not answer"))??;
        let answer = serde_json::from_str(&text).map_err(|_| {
            Failure::failed(format!("{} answers what is no JSON: {text}", self.url))
        })?;
        let result = envelope::take_result(answer)?;
        let of = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
        Ok(Granted {
            room: of("roomId"),
            channel: of("channel"),
            cursor: result["cursor"].as_str().map(str::to_owned),
        })
    }

    /// The next text that the gateway sends.
    pub async fn text(&mut self) -> Result<Utf8Bytes, Failure> {
        loop {
            let Ok(next) = tokio::time::timeout(PING, self.stream.next()).await else {
                if self.heard.elapsed() > SILENCE {
                    return Err(self.lost("it has gone silent"));
                }
                self.send(Message::Ping(bytes::Bytes::new())).await?;
                continue;
            };
            self.heard = Instant::now();
            match next {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame
                        .map(|frame| format!("it closed with {}: {}", frame.code, frame.reason));
                    return Err(self.lost(why.as_deref().unwrap_or("it closed")));
                }
                Some(Ok(
                    Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
                )) => {}
                Some(Err(error)) => return Err(self.lost(&connect_error_text(&error))),
                None => return Err(self.lost("it closed")),
            }
        }
    }

    /// Says goodbye, so that the room is left at once.
    pub async fn close(mut self) {
        _ = tokio::time::timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), Failure> {
        self.stream
            .send(message)
            .await
            .map_err(|error| self.lost(&connect_error_text(&error)))
    }

    fn lost(&self, why: &str) -> Failure {
        Failure::unreachable(format!("lost {}: {why}", self.url))
    }
}

fn connect_error_text(error: &Error) -> String {
    match error {
        Error::Io(error) => error.to_string(),
        Error::Http(response) => format!("it answers {} to a WebSocket", response.status()),
        other => other.to_string(),
    }
}

/// Believes this authority, and no other.
fn tls_connector(pem: &[u8]) -> Result<Connector, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| Failure::usage(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| Failure::usage(error.to_string()))?;
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}
