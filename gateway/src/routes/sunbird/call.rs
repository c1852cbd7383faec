//! The routes that the catalog gives to operations: `POST /v1/user/create` and the like. They wait
//! for the verdict by default.

use super::envelope::{OpenedEnvelope, SunbirdEnvelope};
use crate::{
    answer::OperationAnswer,
    app::{App, Shared},
    error::{Code, Problem},
    request::{RequestCall, path::PathSegments},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Parameters = BTreeMap<String, String>;

/// What the query of these routes may name.
const QUERY: [&str; 1] = ["refresh"];

/// In Sunbird's envelope, errors too.
pub(crate) async fn call(
    operation: String,
    State(app): State<Shared>,
    PathSegments(parameters): PathSegments<Parameters>,
    call: RequestCall,
) -> Response {
    let mut envelope = SunbirdEnvelope::of(&operation, app.now());
    match carry_out(&app, &operation, parameters, call, &mut envelope).await {
        Ok(response) => response,
        Err(problem) => envelope.problem(&problem),
    }
}

async fn carry_out(
    app: &App,
    name: &str,
    parameters: Parameters,
    call: RequestCall,
    envelope: &mut SunbirdEnvelope,
) -> Result<Response, Problem> {
    call.query.expect_only(&QUERY)?;
    let operation = app.writes.operation(name)?;
    let mut request = app
        .requests
        .read_loose(call, !parameters.is_empty())
        .await?;
    let OpenedEnvelope { msgid, bare } = OpenedEnvelope::of(&request.json)?;
    envelope.answers(msgid);
    request.json = with_parameters(bare, parameters)?;
    request.options.wait = Some(request.options.wait.unwrap_or(app.config.sunbird_wait()));
    let completed = app.writes.write(operation, request).await?;
    Ok(envelope.answer(app, &OperationAnswer::new(operation, completed)))
}

/// The bare request, as `/v1/operations/{operation}` takes it.
pub(crate) async fn bare(
    operation: String,
    State(app): State<Shared>,
    PathSegments(parameters): PathSegments<Parameters>,
    call: RequestCall,
) -> Response {
    let done = async {
        call.query.expect_only(&QUERY)?;
        let operation = app.writes.operation(&operation)?;
        let mut request = app
            .requests
            .read_loose(call, !parameters.is_empty())
            .await?;
        request.json = with_parameters(request.json, parameters)?;
        let completed = app.writes.write(operation, request).await?;
        Ok::<_, Problem>(OperationAnswer::new(operation, completed).respond(&app))
    };
    done.await.unwrap_or_else(IntoResponse::into_response)
}

/// Path parameters become members of the request; one that is there already must say the same.
fn with_parameters(bare: Bytes, parameters: Parameters) -> Result<Bytes, Problem> {
    if parameters.is_empty() {
        return Ok(bare);
    }
    let bare = if bare.is_empty() { b"{}" } else { &*bare };
    let mut map: Map<String, Value> = serde_json::from_slice(bare)
        .map_err(|_| Problem::new(Code::Invalid, "the request must be an object").at(""))?;
    for (name, value) in parameters {
        let value = Value::String(value);
        if map.get(&name).is_some_and(|given| *given != value) {
            return Err(Problem::new(
                Code::Invalid,
                format!("`{name}` differs from the one in the path"),
            )
            .at(format!("/{name}")));
        }
        map.insert(name, value);
    }
    Ok(serde_json::to_vec(&map)
        .expect("a JSON object serialises")
        .into())
}
