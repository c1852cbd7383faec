//! `POST /v1/documents/{index}/{collection}/_count`: how many match, from the view.

use super::search::{self, Clauses};
use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::Problem,
    read::refused_search,
    request::{path::PathSegments, query::QueryString},
};
use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde_json::json;

pub(crate) async fn count(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name)): PathSegments<(String, String)>,
    query: QueryString,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let clauses = Clauses::read(&app, &headers, body, &["query"]).await?;
    let (view, collection) =
        search::fresh_view(&app, &index, &name, &caller, &headers, &query).await?;
    let count = view
        .count(&collection, clauses.query())
        .await
        .map_err(refused_search)?;
    Ok(answer::json_response(
        StatusCode::OK,
        &json!({ "count": count }),
    ))
}
