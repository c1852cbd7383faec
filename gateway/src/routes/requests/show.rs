//! `GET /v1/requests/{id}`: what became of a request.

use super::parse;
use crate::{answer, app::Shared, error::Problem, lookup::requests, request::path::PathSegments};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn show(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let id = parse(&app, &id)?;
    let status = requests::status(&app, id).await?;
    Ok(answer::json(StatusCode::OK, &status))
}
