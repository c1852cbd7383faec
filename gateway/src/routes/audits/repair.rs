//! `POST /v1/audits/{id}/repair`: asks the workers to mend what an audit found.

use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::{Code, Problem},
    request::{path::PathSegments, query::QueryString},
};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn repair(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(id): PathSegments<String>,
    query: QueryString,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::UnknownAudit, "this gateway has no audit of this id");
    let job = app.audits.find(&id).ok_or_else(unknown)?;
    if !job.is_done() {
        let detail = "the audit is still under way";
        return Err(Problem::new(Code::AuditRunning, detail).retry_after(1));
    }
    let answer = job.repair(&app.ports, &caller, query.one("reason")).await?;
    Ok(answer::json_response(StatusCode::ACCEPTED, &answer))
}
