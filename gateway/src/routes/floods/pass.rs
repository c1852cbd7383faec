//! `POST /v1/floods/_pass`: lets dead letters happen, however many come, for a while.

use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::{Code, Problem},
};
use axum::{body::Body, extract::State, response::Response};
use event_schema::{
    codec::rfc3339,
    flood::{FloodPassage, FloodPermission},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

/// For how long a permission holds that says nothing of it.
const SECONDS: u64 = 3_600;
/// The longest: whoever lets pass for longer has no guard.
const LONGEST: u64 = 7 * 86_400;

/// Exactly one of the first three.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    operation: Option<String>,
    fingerprint: Option<String>,
    all: bool,
    seconds: Option<u64>,
    reason: Option<String>,
}

pub(crate) async fn pass(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let asked: Asked = app.requests.order(&headers, body).await?;
    let passage = flood_passage(&asked).map_err(|why| Problem::new(Code::Invalid, why))?;
    let seconds = asked.seconds.unwrap_or(SECONDS).clamp(1, LONGEST);
    let since = app.now();
    let permission = FloodPermission {
        passage,
        principal: caller.name.to_string(),
        reason: asked.reason,
        since,
        until: since.saturating_add(i64::try_from(seconds * 1_000).unwrap_or(i64::MAX)),
    };
    let text = serde_json::to_string(&permission).expect("a permission is made of JSON types");
    let (name, until) = (permission.passage.name(), permission.until);
    app.ports.record.keep_text(&name, &text, until).await?;
    let FloodPermission { principal, .. } = &permission;
    tracing::warn!(
        passage = name,
        principal,
        "a flood of dead letters is let pass"
    );
    let shown = json!({
        "passage": permission.passage,
        "principal": permission.principal,
        "reason": permission.reason,
        "until": rfc3339(permission.until),
    });
    Ok(answer::json_response(StatusCode::OK, &shown))
}

fn flood_passage(asked: &Asked) -> Result<FloodPassage, String> {
    match (&asked.operation, &asked.fingerprint, asked.all) {
        (Some(operation), None, false) => Ok(FloodPassage::Operation(operation.clone())),
        (None, Some(fingerprint), false) => Ok(FloodPassage::Fingerprint(fingerprint.clone())),
        (None, None, true) => Ok(FloodPassage::All),
        (_, _, _) => Err("name `operation`, `fingerprint` or `all`, and one of them".to_owned()),
    }
}
