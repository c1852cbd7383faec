//! `GET /v1/replays`: the newest jobs.

use crate::{answer, app::Shared, error::Problem, replays};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::json;

pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let jobs = replays::newest_jobs(&app).await?;
    let shown = jobs.iter().map(|job| super::shown_job(&app, job, &[]));
    let shown: Vec<_> = shown.collect::<Result<_, _>>()?;
    Ok(answer::json_response(
        StatusCode::OK,
        &json!({"replays": shown}),
    ))
}
