//! Kuzzle's protocol over a WebSocket, on any path: one connection each, whose messages are
//! requests ([`requests`]). Framing and the end of a connection are `websocket`'s; it knows no
//! action.

mod recipient;
mod requests;

use super::{Answer, Fault, fault::Id};
use crate::{
    access::{ClientAddress, cookie::HeadCookie},
    app::{App, Shared},
    transport::{
        ClientStream,
        permit::ConnectionPermit,
        tls::{client_certificate::ShownCertificate, socket::TlsSocket},
    },
};
use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use recipient::SocketRecipient;
use requests::Requests;
use runtime::spawn;
use std::{
    net::IpAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use subscriptions::Recipient;
use tokio_util::either::Either;
use tracing::debug;
use websocket::{
    ConnectionOptions, ConnectionTimeouts, MessageHandler, Outbox, OutboxLimits, TextFrame,
    UpgradeError, connection::serve_connection,
};

/// One open connection, as seen by what sends to it.
#[derive(Debug)]
pub(crate) struct SocketConnection {
    /// Its name within this gateway, as long as that runs.
    pub number: u64,
    pub outbox: Arc<Outbox>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// The session in a cookie with which it was opened.
    pub cookie: HeadCookie,
    /// What the client showed in the handshake.
    pub certificate: Option<Arc<ShownCertificate>>,
}

impl SocketConnection {
    /// As a recipient of notifications.
    pub(crate) fn recipient(&self) -> Arc<dyn Recipient> {
        Arc::new(SocketRecipient(self.outbox.clone()))
    }
}

/// One request on a connection.
#[derive(Debug)]
pub(crate) struct SocketRequest {
    pub connection: Arc<SocketConnection>,
    /// The connection's own number of the request, which names its place in the outbox.
    pub request: u64,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Makes a WebSocket of a request that asks for one.
pub(crate) async fn upgrade_socket(app: Shared, mut request: Request) -> Response {
    if app.shutdown.is_soft() {
        return Answer::early(
            None,
            Fault::new(Id::ShuttingDown, "the gateway stops").retry_after(Some(1)),
        )
        .to_http();
    }
    let (method, headers) = (request.method(), request.headers());
    let accepted = match websocket::accept_upgrade(method, headers, app.config.live.deflate) {
        Ok(accepted) => accepted,
        Err(refused) => return upgrade_refusal(refused),
    };
    let permit = request.extensions().get::<Arc<ConnectionPermit>>().cloned();
    let trusted = &app.config.trusted_proxies;
    let address = ClientAddress::of(request.extensions(), headers, trusted);
    let head = (request.method(), request.headers(), request.uri());
    let cookie = app.cookies.read(&app.origins, head).of_connection();
    let certificate = request.extensions().get::<Arc<ShownCertificate>>().cloned();
    let upgraded = hyper::upgrade::on(&mut request);
    let options = connection_options(&app, accepted.deflate);
    spawn("socket", async move {
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%error, "a connection did not become a WebSocket"),
        };
        let Ok(parts) = upgraded.downcast::<TokioIo<ClientStream>>() else {
            return debug!("a connection of another server cannot become a WebSocket");
        };
        let (stream, encoded) = parts.io.into_inner().into_parts();
        let read = [&parts.read_buf[..], &encoded[..]].concat().into();
        let limits = outbox_limits(&app);
        let outbox = Arc::new(Outbox::new(limits, options.deflate, app.wake_queue.clone()));
        let handler =
            SocketHandler::new(app.clone(), outbox.clone(), (address, cookie, certificate));
        let shutdown = app.shutdown.clone();
        match stream {
            Either::Left(plain) => {
                serve_connection(plain, read, options, outbox, handler, shutdown).await
            }
            Either::Right(tls) => {
                let socket = TlsSocket::from(*tls);
                serve_connection(socket, read, options, outbox, handler, shutdown).await;
            }
        }
        drop(permit);
    });
    let (status, headers) = accepted.response_head();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn upgrade_refusal(refused: UpgradeError) -> Response {
    match refused {
        UpgradeError::Malformed(why) => Answer::early(None, Fault::new(Id::BadHttp, why)).to_http(),
        UpgradeError::UnsupportedVersion => {
            let mut response = Answer::early(
                None,
                Fault::new(Id::BadHttp, "only version 13 of WebSocket is spoken"),
            )
            .to_http();
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
            response.headers_mut().insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            );
            response
        }
    }
}

fn outbox_limits(app: &App) -> OutboxLimits {
    let live = &app.config.live;
    OutboxLimits {
        pushed_bytes: live.outbox_bytes,
        pushed: live.outbox_messages,
        answer_bytes: live.outbox_bytes + app.config.answer_limit_bytes,
    }
}

fn connection_options(app: &App, deflate: bool) -> ConnectionOptions {
    let live = &app.config.live;
    ConnectionOptions {
        timeouts: ConnectionTimeouts {
            ping_after: Duration::from_secs(live.ping_seconds.max(1)),
            pong_within: Duration::from_secs(live.pong_seconds.max(1)),
            message_within: Duration::from_secs(live.message_timeout_seconds.max(1)),
            close_within: Duration::from_secs(live.close_seconds.max(1)),
            drain_within: app.config.drain(),
        },
        message_limit: live.message_limit_bytes,
        deflate,
    }
}

/// What Kuzzle's older clients send as a sign of life, and the answer.
const KEEP_ALIVE: &[u8] = br#"{"p":1}"#;
static KEPT_ALIVE: LazyLock<Bytes> =
    LazyLock::new(|| TextFrame::from_pieces(&[r#"{"p":2}"#]).bytes(false));

/// Carries out the requests of one connection, and gives up its subscriptions when it ends.
struct SocketHandler {
    app: Shared,
    connection: Arc<SocketConnection>,
    requests: Requests,
}

impl SocketHandler {
    fn new(
        app: Shared,
        outbox: Arc<Outbox>,
        (address, cookie, certificate): (Option<IpAddr>, HeadCookie, Option<Arc<ShownCertificate>>),
    ) -> Self {
        let connection = Arc::new(SocketConnection {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            outbox,
            address,
            cookie,
            certificate,
        });
        app.metrics.sockets.inc();
        app.holders
            .connected(connection.number, connection.outbox.clone());
        app.subscriptions
            .connect(connection.number, connection.recipient());
        Self {
            app,
            connection,
            requests: Requests::default(),
        }
    }
}

impl MessageHandler for SocketHandler {
    fn keep_alive(&mut self, message: &[u8]) -> Option<Bytes> {
        (message == KEEP_ALIVE).then(|| KEPT_ALIVE.clone())
    }

    fn receive(&mut self, message: Bytes) {
        self.requests.take(&self.app, &self.connection, message);
    }

    fn refuse(&mut self, message: Bytes) {
        self.requests.refuse(
            &self.app,
            &self.connection,
            message,
            Id::ShuttingDown,
            "the gateway stops; connect again",
        );
    }

    fn resume(&mut self) {
        self.requests.begin(&self.app, &self.connection);
    }

    fn is_idle(&self) -> bool {
        self.requests.is_idle(&self.connection)
    }

    fn closing(&mut self) {
        self.app.subscriptions.disconnect(self.connection.number);
        self.app.holders.disconnected(self.connection.number);
    }
}

impl Drop for SocketHandler {
    fn drop(&mut self) {
        self.app.subscriptions.disconnect(self.connection.number);
        self.app.holders.disconnected(self.connection.number);
        self.app.metrics.sockets.dec();
    }
}
