//! `GET /openapi.json`: the OpenAPI document.

use crate::app::Shared;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

pub(crate) async fn openapi(State(app): State<Shared>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        app.routes.openapi(),
    )
        .into_response()
}
