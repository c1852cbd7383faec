//! `POST /v1/operations/{operation}`: one request.

use crate::{
    answer::OperationAnswer,
    app::Shared,
    error::Problem,
    lookup::after,
    request::{RequestCall, path::PathSegments},
    routes::uploads,
};
use axum::{extract::State, response::Response};

pub(crate) async fn write(
    State(app): State<Shared>,
    PathSegments(operation): PathSegments<String>,
    call: RequestCall,
) -> Result<Response, Problem> {
    let operation = app.writes.operation(&operation)?;
    if operation.upload().is_some() {
        return Ok(uploads::start::start_bare(operation.name(), &app, call).await);
    }
    let query = call.query.clone();
    let request = app.requests.read(call).await?;
    after::wait_before_write(&app, &request.caller, &query).await?;
    let completed = app.writes.write(&operation, request).await?;
    Ok(OperationAnswer::new(&operation, completed).respond(&app))
}
