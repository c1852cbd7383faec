//! `GET /v1/collections`: all of them, by name.

use super::CollectionShown;
use crate::{answer, app::Shared, error::Problem};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct CollectionListed<'a> {
    collections: Vec<CollectionShown<'a>>,
}

pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let list = app.collections.list().await?;
    Ok(answer::json(
        StatusCode::OK,
        &CollectionListed {
            collections: list.iter().map(CollectionShown::from).collect(),
        },
    ))
}
