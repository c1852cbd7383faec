//! `POST /v1/operations/{operation}/_bulk`: a bare request a line, an answer a line.

use crate::{
    app::Shared,
    bulk,
    error::Problem,
    request::{Call, path::Segments},
};
use axum::{extract::State, response::Response};

pub(crate) async fn bulk(
    State(app): State<Shared>,
    Segments(operation): Segments<String>,
    call: Call,
) -> Result<Response, Problem> {
    bulk::start(&app, &operation, call)
}
