//! `POST /v1/operations/{operation}`: one request.

use crate::{
    answer::Answer,
    app::Shared,
    error::Problem,
    request::{Call, path::Segments, query::Query},
};
use axum::{body::Body, extract::State, response::Response};
use http::HeaderMap;

pub(crate) async fn write(
    State(app): State<Shared>,
    Segments(operation): Segments<String>,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let operation = app.writes.operation(&operation)?;
    let call = Call {
        headers,
        query,
        body,
    };
    let request = app.requests.read(call).await?;
    let completed = app.writes.write(operation, request).await?;
    Ok(Answer::new(operation, completed).respond(&app))
}
