//! The controller `server`: what this is and how it is.

use super::{Fault, KuzzleCall, Reply, openapi, table};
use runtime::State;
use serde_json::{Map, Value, json};

pub(super) async fn now(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({"now": call.app.now()})))
}

pub(super) async fn public_api(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&table::public_api()))
}

/// In the form of Kuzzle's answer, as far as there is something to tell.
pub(super) async fn info(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuzzle = json!({"version": kuzzle_version(), "api": {"routes": table::public_api()}});
    Ok(Reply::of(
        &json!({"serverInfo": {"kuzzle": kuzzle, "services": {}}}),
    ))
}

/// As `/readyz`: a component that is missing makes it red, and the status 503.
pub(super) async fn health_check(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let report = call.app.ports.health.report();
    let colour = |state: &State| match state {
        State::Ready => "green",
        State::Degraded { .. } | State::Starting { .. } => "yellow",
        State::Missing { .. } => "red",
    };
    let services: Map<String, Value> = report
        .components
        .iter()
        .map(|(name, state)| (name.clone(), colour(state).into()))
        .collect();
    let status = if report.ready { "green" } else { "red" };
    let mut reply = Reply::of(&json!({"status": status, "services": services}));
    reply.status = if report.ready { 200 } else { 503 };
    Ok(reply)
}

fn kuzzle_version() -> String {
    format!("2.0.0-consign.{}", env!("CARGO_PKG_VERSION"))
}

fn shown_limits(call: KuzzleCall<'_>) -> Value {
    let config = &call.app.config;
    json!({
        "concurrentRequests": config.max_in_flight,
        "documentsFetchCount": config.kuzzle_fetch_documents,
        "documentsWriteCount": config.kuzzle_write_documents,
        "subscriptionConditionsCount": config.live.filter_conditions,
        "subscriptionRooms": config.live.subscriptions,
    })
}

/// What this deployment can do: its limits, routes and stores.
pub(super) async fn capabilities(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ports = &call.app.ports;
    let mut services = json!({"record": {"backend": ports.record.name()}});
    if let Some(view) = &ports.view {
        services["storageEngine"] = json!({"backend": view.name()});
    }
    Ok(Reply::of(&json!({
        "limits": shown_limits(call), "plugins": {}, "routes": table::public_api(),
        "services": services, "version": kuzzle_version(),
    })))
}

/// The settings that bound what a client may do. Nobody is authenticated, so where this process
/// listens, keeps files or whom it lets in is not shown.
pub(super) async fn config(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let settings = serde_json::to_value(&*call.app.config).unwrap_or_default();
    let shown: Map<String, Value> = match settings {
        Value::Object(settings) => settings
            .into_iter()
            .filter(|(name, _)| {
                !["listen", "allowed_origins", "spill_dir"].contains(&name.as_str())
            })
            .collect(),
        _ => Map::new(),
    };
    Ok(Reply::of(
        &json!({"version": kuzzle_version(), "limits": shown_limits(call), "gateway": shown}),
    ))
}

/// The description of these routes; `/openapi.json` describes Consign's own.
pub(super) async fn openapi(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    if !matches!(call.request.text("format")?, None | Some("json")) {
        return Err(Fault::invalid("format", "\"json\""));
    }
    let paths = match call.request.text("scope")? {
        None | Some("kuzzle") => openapi::openapi_document(&kuzzle_version()),
        // Applications add no actions here.
        Some("app") => {
            json!({"openapi": "3.1.0", "info": {"title": "application", "version": kuzzle_version()}, "paths": {}})
        }
        Some(_) => return Err(Fault::invalid("scope", "\"kuzzle\" or \"app\"")),
    };
    let mut reply = Reply::of(&paths);
    reply.bare = true;
    Ok(reply)
}

/// Of this gateway; `GET /metrics` has more.
pub(super) async fn metrics(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let metrics = &call.app.metrics;
    let sockets = metrics.sockets.get();
    let rooms: usize = call
        .app
        .subscriptions
        .list()
        .values()
        .flat_map(|collections| collections.values())
        .map(std::collections::BTreeMap::len)
        .sum();
    Ok(Reply::of(&json!({
        "api": {"concurrentRequests": metrics.in_flight.get(), "pendingRequests": metrics.waiting.get()},
        "network": {"connections": {"http": (metrics.connections.get() - sockets).max(0), "websocket": sockets}},
        "realtime": {"rooms": rooms, "subscriptions": call.app.subscriptions.len()},
    })))
}
