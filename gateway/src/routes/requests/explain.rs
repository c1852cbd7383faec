//! `GET /v1/requests/{id}/explain`: a request's way from acceptance to notification.

use super::parse;
use crate::{answer, app::Shared, error::Problem, read::explain, request::path::PathSegments};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn explain(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let id = parse(&app, &id)?;
    let explanation = explain::explain(&app, id).await?;
    Ok(answer::json(StatusCode::OK, &explanation))
}
