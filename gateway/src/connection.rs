//! A client's connection that stays open: what the realtime actions of the protocol need of it.

pub(crate) mod realtime;

use crate::app::Shared;
use axum::{extract::Request, response::Response};

/// One open connection.
#[derive(Debug)]
pub(crate) struct Session {}

/// A request that asks to become a WebSocket, on any path.
pub(crate) async fn upgrade(app: Shared, request: Request) -> Response {
    let _ = (app, request);
    let fault = crate::protocol::Fault::new(crate::protocol::fault::Id::BadHttp, "there are no open connections here");
    crate::protocol::Answer::early(None, fault).to_http()
}
