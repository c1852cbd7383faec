//! `GET /v1/operations`: what there is to ask for.

use crate::{answer, app::Shared};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::json;

pub(crate) async fn list(State(app): State<Shared>) -> Response {
    let catalog = app.writes.catalog.current();
    let public = catalog.operations().filter(|known| !known.internal());
    let operations: Vec<_> = public.map(|known| known.outline()).collect();
    let list = json!({"catalog": catalog.version(), "operations": operations});
    answer::json_response(StatusCode::OK, &list)
}
