//! `GET /v1/audits/{id}`: how far an audit is, and what it found.

use crate::{
    answer,
    app::Shared,
    audits::HiddenNames,
    error::{Code, Problem},
    request::path::PathSegments,
};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn show(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let job = app.audits.find(&id).ok_or_else(|| {
        Problem::new(
            Code::UnknownAudit,
            "this gateway has no audit of this id: it keeps the last few, until it ends",
        )
    })?;
    Ok(answer::json_response(
        StatusCode::OK,
        &job.shown(&HiddenNames {
            catalog: &app.ports.catalog.current(),
            keys: &app.ports.keys,
        }),
    ))
}
