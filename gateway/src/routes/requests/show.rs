//! `GET /v1/requests/{id}`: what became of a request.

use crate::{
    answer,
    app::Shared,
    error::{Code, Problem},
    read::requests,
    request::path::PathSegments,
};
use axum::{extract::State, response::Response};
use event_schema::id::{BadRequestId, RequestId};
use http::StatusCode;

pub(crate) async fn show(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let id = RequestId::parse(&id, &app.ports.keys).map_err(|error| match error {
        BadRequestId::Malformed => Problem::new(Code::BadRequestId, error.to_string()),
        BadRequestId::Forged => Problem::new(Code::UnknownRequest, error.to_string()),
    })?;
    let status = requests::status(&app, id).await?;
    Ok(answer::json(StatusCode::OK, &status))
}
