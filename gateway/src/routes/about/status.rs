//! `GET /v1/status`: the whole pipeline in one look.

use crate::{answer, app::Shared, lookup::system_status::SystemStatus};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn status(State(app): State<Shared>) -> Response {
    answer::json_response(StatusCode::OK, &SystemStatus::read(&app).await)
}
