//! Connections that stay open: a WebSocket on any path, one task and one state machine ([`state`])
//! each. It speaks frames and queues; what a request means is [`crate::kuzzle`]'s, who is told
//! what is [`crate::subscriptions`]'.

mod decode;
mod deflate;
pub(crate) mod frame;
mod handshake;
pub(crate) mod outbox;
pub(crate) mod realtime;
mod requests;
mod serve;
mod state;
pub(crate) mod turns;

use crate::{
    app::{App, Shared},
    kuzzle::{Answer, Fault, fault::Id},
    server::Guarded,
    server::places::Place,
};
use axum::{body::Body, extract::Request, response::Response};
use handshake::Refused;
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use outbox::{Bounds, Outbox};
use runtime::spawn;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tracing::debug;

pub(crate) use handshake::is_asked;

/// One open connection, as those see it who have something to tell it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its name within this gateway, as long as that runs.
    pub number: u64,
    pub outbox: Arc<Outbox>,
}

/// One request on a connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub connection: Arc<Connection>,
    /// The connection's own number of the request, which names its place in the outbox.
    pub request: u64,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A request that asks to become a WebSocket, on any path.
pub(crate) async fn upgrade(app: Shared, mut request: Request) -> Response {
    if app.shutdown.is_soft() {
        return Answer::early(
            None,
            Fault::new(Id::ShuttingDown, "the gateway stops").retry_after(Some(1)),
        )
        .to_http();
    }
    let agreed =
        match handshake::agree(request.method(), request.headers(), app.config.live.deflate) {
            Ok(agreed) => agreed,
            Err(refused) => return refusal(refused),
        };
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let upgraded = hyper::upgrade::on(&mut request);
    let deflate = agreed.deflate;
    spawn("socket", async move {
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%error, "a connection did not become a WebSocket"),
        };
        let Ok(parts) = upgraded.downcast::<TokioIo<Guarded>>() else {
            return debug!("a connection that is not ours cannot become a WebSocket");
        };
        let stream = parts.io.into_inner().into_inner();
        let outbox = Arc::new(Outbox::new(bounds(&app), deflate, app.turns.clone()));
        let connection = Arc::new(Connection {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            outbox,
        });
        serve::run(app, stream, parts.read_buf, connection, deflate).await;
        drop(place);
    });
    let (status, headers) = agreed.head();
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn refusal(refused: Refused) -> Response {
    match refused {
        Refused::Malformed(why) => Answer::early(None, Fault::new(Id::BadHttp, why)).to_http(),
        Refused::Version => {
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

fn bounds(app: &App) -> Bounds {
    let live = &app.config.live;
    Bounds {
        pushed_bytes: live.outbox_bytes,
        pushed: live.outbox_messages,
        answer_bytes: live.outbox_bytes + app.config.answer_limit_bytes,
    }
}
