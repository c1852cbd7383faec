//! `GET /v1/requests/{id}`: what became of a request.

use super::parse_id;
use crate::{
    access::Caller, answer, app::Shared, error::Problem, lookup::requests,
    request::path::PathSegments,
};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&app, &id)?;
    let status = requests::request_status(&app, &caller, id).await?;
    Ok(answer::json_response(StatusCode::OK, &status))
}
