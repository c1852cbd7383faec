//! `POST /v1/operations/{operation}`: one request.

use crate::{
    answer::Answer,
    app::Shared,
    error::Problem,
    request::{Call, path::Segments},
};
use axum::{extract::State, response::Response};

pub(crate) async fn write(
    State(app): State<Shared>,
    Segments(operation): Segments<String>,
    call: Call,
) -> Result<Response, Problem> {
    let operation = app.writes.operation(&operation)?;
    let request = app.requests.read(call).await?;
    let completed = app.writes.write(operation, request).await?;
    Ok(Answer::new(operation, completed).respond(&app))
}
