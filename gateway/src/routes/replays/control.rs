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
    control(&app, &id, JobState::Paused).await
}

pub(crate) async fn resume(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    control(&app, &id, JobState::Running).await
}

pub(crate) async fn cancel(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    control(&app, &id, JobState::Cancelled).await
}

async fn control(app: &Shared, id: &str, state: JobState) -> Result<Response, Problem> {
    let job = replays::ask(app, id, state).await?;
    let shown = super::shown(app, &job, &[])?;
    Ok(answer::json(StatusCode::OK, &shown))
}
