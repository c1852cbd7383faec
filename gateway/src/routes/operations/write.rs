//! `POST /v1/operations/{operation}`: one request.

use crate::{
    app::Shared,
    error::Problem,
    request::{self, Call, path::Segments, query::Query},
    validate, write,
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
    let operation = validate::operation(&app, &operation)?;
    let request = request::read(
        &app,
        Call {
            headers,
            query,
            body,
        },
    )
    .await?;
    Ok(write::alone(&app, operation, request).await?.respond(&app))
}
