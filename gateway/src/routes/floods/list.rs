//! `GET /v1/floods`: which partitions wait because of what, and since when.

use crate::{
    answer,
    app::Shared,
    error::{Code, Problem},
};
use axum::{extract::State, response::Response};
use event_schema::{codec::rfc3339, flood::DeadLetterFlood};
use futures::future::try_join_all;
use http::StatusCode;
use serde_json::{Value, json};

pub(crate) async fn list(State(app): State<Shared>) -> Result<Response, Problem> {
    let layout = &app.ports.layout;
    let names = (0..layout.partitions).map(|n| DeadLetterFlood::name(layout.generation, n));
    let names: Vec<String> = names.collect();
    let record = app.ports.record.as_ref();
    let texts = try_join_all(names.iter().map(|name| record.kept_text(name))).await?;
    let read = |text: &String| serde_json::from_str::<DeadLetterFlood>(text);
    let floods: Result<Vec<_>, _> = texts.iter().flatten().map(read).collect();
    let floods = floods.map_err(|error| Problem::new(Code::Damaged, error.to_string()))?;
    let waiting = floods.iter().filter(|flood| flood.over.is_none());
    let floods: Vec<Value> = waiting.map(shown_flood).collect();
    Ok(answer::json_response(
        StatusCode::OK,
        &json!({"floods": floods}),
    ))
}

fn shown_flood(flood: &DeadLetterFlood) -> Value {
    json!({
        "partition": flood.partition,
        "offset": flood.offset,
        "operation": flood.operation,
        "fingerprint": flood.fingerprint,
        "code": flood.code,
        "message": flood.message,
        "store": flood.store,
        "letters": flood.letters,
        "since": rfc3339(flood.since),
    })
}
