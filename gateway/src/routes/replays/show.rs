//! `GET /v1/replays/{id}`: how far a job is, and what became of its items.

use crate::{
    answer,
    app::Shared,
    error::{Code, Problem},
    replays::JobStore,
    request::{path::PathSegments, query::QueryString},
};
use axum::{extract::State, response::Response};
use http::StatusCode;

/// Items in one answer.
const PAGE: usize = 500;

pub(crate) async fn show(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
    query: QueryString,
) -> Result<Response, Problem> {
    let from = query.one("from").map(str::parse::<usize>).transpose();
    let from = from.map_err(|_| Problem::new(Code::BadRequest, "`from` is not a number"))?;
    let store = JobStore::of(&app);
    let job = store.job(&id).await?;
    let items = store.page(&job, from.unwrap_or(0), PAGE).await?;
    Ok(answer::json_response(
        StatusCode::OK,
        &super::shown_job(&app, &job, &items)?,
    ))
}
