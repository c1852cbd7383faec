//! `GET /v1/collections`: all of them, by name.

use super::CollectionShown;
use crate::{access::Caller, answer, app::Shared, error::Problem};
use axum::{extract::State, response::Response};
use http::StatusCode;
use rights::ActionPlace;
use serde::Serialize;

#[derive(Serialize)]
struct CollectionListed<'a> {
    collections: Vec<CollectionShown<'a>>,
}

pub(crate) async fn list(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    let mut list = app.collections.list().await?;
    list.retain(|one| {
        let place = ActionPlace::Collection(&one.index, &one.collection);
        caller.check(("collection", "list"), place).is_ok()
    });
    Ok(answer::json_response(
        StatusCode::OK,
        &CollectionListed {
            collections: list.iter().map(CollectionShown::from).collect(),
        },
    ))
}
