//! `POST /v1/replays/{id}/_pause`, `_resume`, `_cancel`: what a person wants of a job, on whichever
//! gateway it runs.

use crate::{answer, app::Shared, error::Problem, replays, request::path::PathSegments};
use axum::{extract::State, response::Response};
use http::StatusCode;
use replay::JobState;

pub(crate) async fn pause(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    control_job(&app, &id, JobState::Paused).await
}

pub(crate) async fn resume(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    control_job(&app, &id, JobState::Running).await
}

pub(crate) async fn cancel(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    control_job(&app, &id, JobState::Cancelled).await
}

async fn control_job(app: &Shared, id: &str, state: JobState) -> Result<Response, Problem> {
    let job = replays::ask_state(app, id, state).await?;
    let shown = super::shown_job(app, &job, &[])?;
    Ok(answer::json_response(StatusCode::OK, &shown))
}
