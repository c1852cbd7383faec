//! `POST /v1/catalog/reload`: reads the definitions of this gateway again.

use crate::{access::Caller, answer, app::Shared, error::Problem};
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn reload(State(app): State<Shared>, caller: Caller) -> Result<Response, Problem> {
    Ok(answer::json_response(
        StatusCode::OK,
        &app.reloads.ask(&caller.name).await?,
    ))
}
