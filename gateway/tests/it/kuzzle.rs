//! Kuzzle's protocol over HTTP, on the real pipeline: the actions, their answers and their errors,
//! as its clients read them.

mod admin;
mod bulk;
mod collections;
mod content;
mod documents;
mod envelope;
mod many;
mod members;
mod routes;
mod searches;
mod specifications;

use crate::harness::{App, Builder, told};
use reqwest::Method;
use serde_json::{Value, json};

/// An app with `ix/co`.
pub async fn world() -> App {
    world_with(gateway::Config::default()).await
}

/// Likewise, on a gateway of these options.
pub async fn world_with(config: gateway::Config) -> App {
    let builder = Builder {
        config,
        ..Builder::default()
    };
    let app = builder.start().await;
    ok(&app, "POST", "/ix/_create", None).await;
    let mappings = json!({"mappings": {"properties": {"name": {"type": "keyword"}, "n": {"type": "long"}, "at": {"type": "geo_point"}}}});
    ok(&app, "PUT", "/ix/co", Some(mappings)).await;
    app
}

/// The whole envelope.
pub async fn call(app: &App, verb: &str, path: &str, body: Option<Value>) -> Value {
    let method = Method::from_bytes(verb.as_bytes()).unwrap();
    let request = app.client.request(method, app.url(path));
    let request = match body {
        Some(body) => request.json(&body),
        // As the SDK does it.
        None => request.header("content-type", "application/json"),
    };
    let (status, headers, json) = told(request).await;
    assert_eq!(headers["content-type"], "application/json", "{json:#}");
    assert_eq!(json["status"], status.as_u16(), "{json:#}");
    json
}

/// The result of a call that must succeed.
pub async fn ok(app: &App, verb: &str, path: &str, body: Option<Value>) -> Value {
    let json = call(app, verb, path, body).await;
    assert!(json["error"].is_null(), "{verb} {path}: {json:#}");
    json["result"].clone()
}

/// The error of a call that must fail so.
pub async fn fault(
    app: &App,
    verb: &str,
    path: &str,
    body: Option<Value>,
    status: u16,
    id: &str,
) -> Value {
    let json = call(app, verb, path, body).await;
    assert_eq!(
        (json["status"].as_u64(), json["error"]["id"].as_str()),
        (Some(status.into()), Some(id)),
        "{verb} {path}: {json:#}"
    );
    assert_eq!(
        (&json["error"]["status"], &json["result"]),
        (&json["status"], &Value::Null)
    );
    json["error"].clone()
}
