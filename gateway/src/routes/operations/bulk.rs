//! `POST /v1/operations/{operation}/_bulk`: a bare request a line, an answer a line.

use crate::{
    app::Shared,
    bulk,
    error::Problem,
    request::{path::Segments, query::Query},
};
use axum::{body::Body, extract::State, response::Response};
use http::HeaderMap;

pub(crate) async fn bulk(
    State(app): State<Shared>,
    Segments(operation): Segments<String>,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    bulk::start(&app, &operation, &headers, &query, body)
}
