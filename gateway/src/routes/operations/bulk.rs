//! `POST /v1/operations/{operation}/_bulk`: a bare request a line, an answer a line.

use crate::{
    app::Shared,
    bulk,
    error::Problem,
    lookup::after,
    request::{RequestCall, path::PathSegments},
};
use axum::{extract::State, response::Response};

pub(crate) async fn bulk(
    State(app): State<Shared>,
    PathSegments(operation): PathSegments<String>,
    call: RequestCall,
) -> Result<Response, Problem> {
    after::wait_before_write(&app, &call.caller, &call.query).await?;
    bulk::start_bulk(&app, &operation, call)
}
