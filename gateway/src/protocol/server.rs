//! The controller `server`: what this is and how it is.

use super::{Call, Fault, Reply, table};
use serde_json::{Value, json};

pub(super) async fn now(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({"now": call.app.now()})))
}

pub(super) async fn public_api(_: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&table::public_api()))
}

/// In the form of Kuzzle's answer, as far as there is something to tell.
pub(super) async fn info(_: Call<'_>) -> Result<Reply, Fault> {
    let mut routes = table::public_api();
    for action in routes.as_object_mut().into_iter().flat_map(|api| api.values_mut()).filter_map(Value::as_object_mut) {
        for told in action.values_mut() {
            // Clients of this form know one route or a list of them by the same name.
            if let Some(http) = told.get("http").cloned() {
                told["http"] = http;
            }
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(Reply::of(
        &json!({"serverInfo": {"kuzzle": {"version": format!("2.0.0-consign.{version}"), "api": {"routes": routes}}, "services": {}}}),
    ))
}
