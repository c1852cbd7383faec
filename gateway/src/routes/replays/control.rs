//! `POST /v1/replays/{id}/_pause`, `_resume`, `_cancel`: what a person wants of a job, on whichever
//! gateway it runs.

use crate::{
    access::{Caller, ClientAddress},
    answer,
    app::Shared,
    error::Problem,
    replays,
    request::path::PathSegments,
    security_events::Actor,
};
use axum::{extract::State, response::Response};
use http::{StatusCode, request::Parts};
use replay::JobState;

pub(crate) async fn pause(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(id): PathSegments<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    control_job(&app, (&caller, &parts), &id, JobState::Paused).await
}

pub(crate) async fn resume(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(id): PathSegments<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    control_job(&app, (&caller, &parts), &id, JobState::Running).await
}

pub(crate) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(id): PathSegments<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    control_job(&app, (&caller, &parts), &id, JobState::Cancelled).await
}

async fn control_job(
    app: &Shared,
    (caller, parts): (&Caller, &Parts),
    id: &str,
    state: JobState,
) -> Result<Response, Problem> {
    let job = replays::ask_state(app, id, state).await?;
    let trusted = &app.config.trusted_proxies;
    let address = ClientAddress::of(&parts.extensions, &parts.headers, trusted);
    let actor = Actor { caller, address };
    app.dead_letters_job_changed(actor, id, state);
    let shown = super::shown_job(app, &job, &[])?;
    Ok(answer::json_response(StatusCode::OK, &shown))
}
