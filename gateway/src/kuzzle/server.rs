//! The controller `server`: what this is and how it is.

use super::{Call, Fault, Reply, table};
use runtime::State;
use serde_json::{Value, json};

pub(super) async fn now(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({"now": call.app.now()})))
}

pub(super) async fn public_api(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&table::public_api()))
}

/// In the form of Kuzzle's answer, as far as there is something to tell.
pub(super) async fn info(_: Call<'_>) -> Result<Reply, Fault> {
    let version = format!("2.0.0-consign.{}", env!("CARGO_PKG_VERSION"));
    let kuzzle = json!({"version": version, "api": {"routes": table::public_api()}});
    Ok(Reply::of(
        &json!({"serverInfo": {"kuzzle": kuzzle, "services": {}}}),
    ))
}

/// As `/readyz`: a component that is missing makes it red, and the status 503.
pub(super) async fn health_check(call: Call<'_>) -> Result<Reply, Fault> {
    let report = call.app.ports.health.report();
    let colour = |state: &State| match state {
        State::Ready => "green",
        State::Starting { .. } => "yellow",
        State::Missing { .. } => "red",
    };
    let services: serde_json::Map<String, Value> = report
        .components
        .iter()
        .map(|(name, state)| (name.clone(), colour(state).into()))
        .collect();
    let status = if report.ready { "green" } else { "red" };
    let mut reply = Reply::of(&json!({"status": status, "services": services}));
    reply.status = if report.ready { 200 } else { 503 };
    Ok(reply)
}
