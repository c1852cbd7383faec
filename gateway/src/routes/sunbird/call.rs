//! The routes that the catalog gives to operations: `POST /v1/user/create` and the like. They wait
//! for the verdict by default.

use super::envelope::{OpenedEnvelope, SunbirdEnvelope};
use crate::{
    answer::OperationAnswer,
    app::{App, Shared},
    error::{Code, Problem},
    lookup::after,
    request::{RequestCall, path::PathSegments},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use json_text::{JsonObjectWriter, ScannedJson};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Parameters = BTreeMap<String, String>;

/// What the query of these routes may name.
const QUERY: [&str; 2] = ["after", "refresh"];

/// In Sunbird's envelope, errors too.
pub(crate) async fn call_operation(
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

/// What is answered before the request was read.
pub(crate) fn refused_response(operation: &str, now: i64, problem: &Problem) -> Response {
    SunbirdEnvelope::of(operation, now).problem(problem)
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
    let query = call.query.clone();
    let mut request = app
        .requests
        .read_loose(call, !parameters.is_empty())
        .await?;
    if !request.came_empty {
        let OpenedEnvelope { msgid, bare } = OpenedEnvelope::of(&request.json)?;
        envelope.answers(msgid);
        request.json = bare;
    }
    request.json = with_parameters(request.json, parameters)?;
    request.options.wait = Some(request.options.wait.unwrap_or(app.config.sunbird_wait()));
    after::wait_before_write(app, &request.caller, &query).await?;
    let completed = app.writes.write(&operation, request).await?;
    Ok(envelope.answer(app, &OperationAnswer::new(&operation, completed)))
}

/// The bare request, as `/v1/operations/{operation}` takes it.
pub(crate) async fn call_bare(
    operation: String,
    State(app): State<Shared>,
    PathSegments(parameters): PathSegments<Parameters>,
    call: RequestCall,
) -> Response {
    let done = async {
        call.query.expect_only(&QUERY)?;
        let operation = app.writes.operation(&operation)?;
        let query = call.query.clone();
        let mut request = app
            .requests
            .read_loose(call, !parameters.is_empty())
            .await?;
        request.json = with_parameters(request.json, parameters)?;
        after::wait_before_write(&app, &request.caller, &query).await?;
        let completed = app.writes.write(&operation, request).await?;
        Ok::<_, Problem>(OperationAnswer::new(&operation, completed).respond(&app))
    };
    done.await.unwrap_or_else(IntoResponse::into_response)
}

/// Path parameters become members of the request; one that is there already must say the same.
fn with_parameters(bare: ScannedJson, parameters: Parameters) -> Result<ScannedJson, Problem> {
    if parameters.is_empty() {
        return Ok(bare);
    }
    let members = bare.members();
    let members = members
        .ok_or_else(|| Problem::new(Code::Invalid, "the request must be an object").at(""))?;
    let mut merged = JsonObjectWriter::with_capacity(bare.bytes().len() + 256);
    let mut given = BTreeSet::new();
    for member in members {
        if let Some(value) = parameters.get(&*member.name) {
            let is_same = serde_json::from_str::<Value>(member.text.get())
                .is_ok_and(|given| given == *value.as_str());
            if !is_same {
                return Err(differing_member(&member.name));
            }
            given.insert(member.name.to_string());
        }
        merged.push_member(&member);
    }
    for (name, value) in parameters {
        if !given.contains(&name) {
            merged.push_value(&name, &Value::String(value));
        }
    }
    Ok(merged.finish())
}

fn differing_member(name: &str) -> Problem {
    let detail = format!("`{name}` differs from the one in the path");
    Problem::new(Code::Invalid, detail).at(format!("/{name}"))
}
