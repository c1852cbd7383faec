//! `GET /v1/dead-letters/{request_id}`: one of them whole, with its event as text where it is text,
//! byte for byte, and what a replay would change now.

use super::find_letter;
use crate::{
    answer, app::Shared, error::Problem, replays::preview_stores, request::path::PathSegments,
};
use axum::{extract::State, response::Response};
use event_schema::{codec::rfc3339, decision::OriginalRecord};
use http::StatusCode;
use serde_json::{Value, json};

pub(crate) async fn show(
    State(app): State<Shared>,
    PathSegments(id): PathSegments<String>,
) -> Result<Response, Problem> {
    let letter = find_letter(&app, &id).await?;
    let catalog = app.ports.catalog.current();
    let stores = preview_stores(&app, &catalog);
    let preview = replay::preview_replay(stores, &letter, &letter.event).await?;
    let held = &letter.held;
    let failures = held.history.iter().map(|failed| {
        json!({
            "time": rfc3339(failed.time),
            "code": failed.reason.code,
            "message": failed.reason.message,
            "store": failed.reason.store,
            "replay": failed.replay,
        })
    });
    let shown = json!({
        "dead_letter": letter.line(),
        "tenant": held.tenant,
        "catalog": held.catalog,
        "accepted": rfc3339(held.accepted),
        "held_since": rfc3339(held.since),
        "position": held.position,
        "failures": failures.collect::<Vec<_>>(),
        "event": event_json(&letter.event),
        "original": letter.event,
        "preview": preview,
    });
    Ok(answer::json_response(StatusCode::OK, &shown))
}

/// As far as it is text.
fn event_json(original: &OriginalRecord) -> Value {
    let Ok(parts) = original.parts() else {
        return Value::Null;
    };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
    let body = parts.value.as_deref().and_then(text);
    let value = body
        .as_ref()
        .and_then(|body| serde_json::from_str::<Value>(body).ok());
    let headers = parts.headers.iter();
    let headers: Vec<Value> = headers
        .map(|(name, value)| json!([name, text(value)]))
        .collect();
    json!({
        "key": parts.key.as_deref().and_then(text),
        "headers": headers,
        "value": value.or_else(|| body.map(Value::from)),
    })
}
