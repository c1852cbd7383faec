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
    let number = |name: &'static str| {
        let number = query.one(name).map(str::parse::<usize>).transpose();
        number.map_err(|_| Problem::new(Code::BadRequest, format!("`{name}` is not a number")))
    };
    let (from, limit) = (number("from")?, number("limit")?);
    let store = JobStore::of(&app);
    let job = store.job(&id).await?;
    let limit = limit.unwrap_or(PAGE).min(PAGE);
    let items = store.page(&job, from.unwrap_or(0), limit).await?;
    Ok(answer::json_response(
        StatusCode::OK,
        &super::shown_job(&app, &job, &items)?,
    ))
}
