//! `GET /v1/requests/{id}/explain`: a request's way from acceptance to notification.

use super::parse_id;
use crate::{
    access::system,
    answer,
    app::Shared,
    error::{Code, Problem},
    lookup::explain,
    request::path::PathSegments,
};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn explain(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let id = parse_id(&app, &id)?;
    let explanation = explain::explain_request(&app, id).await?;
    if explanation.operation().is_some_and(system::is_operation) {
        let detail = "what changes users and rights is shown by nothing";
        return Err(Problem::new(Code::UnknownRequest, detail).about(id, None));
    }
    Ok(answer::json_response(StatusCode::OK, &explanation))
}
