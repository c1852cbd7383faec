//! `POST /v1/operations/{operation}/_bulk`: a bare request a line, an answer a line.

use crate::{app::Shared, error::Problem, request::path::Segments};
use axum::{extract::State, response::Response};

pub(crate) async fn bulk(State(_app): State<Shared>, Segments(_operation): Segments<String>) -> Result<Response, Problem> {
    Err(Problem::new(crate::error::Code::NotInBulk, "soon"))
}
