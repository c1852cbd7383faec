//! Who calls and what the caller may do, on the real pipeline: every door, every kind of credential,
//! and what becomes of them when they are taken away.

mod believed;
mod checked_first;
mod cookies;
mod doors;
mod hashes;
mod hidden;
mod imported;
mod issuer_login;
mod issuers;
mod keys;
mod killed;
mod limits;
mod listening;
mod log;
mod members;
mod own_sessions;
mod people;
mod requests;
mod reset;
mod roles;
mod sessions;
mod set_up;
mod takeovers;
mod timing;
mod unconfirmed;
mod uploads;

pub use set_up::shut;

use crate::harness::{App, app, told};
use event_schema::mutation::RowKey;
use gateway::{Config, config::Security};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// Settings by which an issuer on this machine is believed.
fn believing(issuer: Value) -> Config {
    let here = vec!["127.0.0.1".to_owned()];
    Config {
        security: Security {
            issuers: vec![serde_json::from_value(issuer).unwrap()],
            ..Security::default()
        },
        outbound: outbound::OutboundConfig {
            allowed_networks: here.clone(),
            plain_hosts: here,
            ..outbound::OutboundConfig::default()
        },
        ..Config::default()
    }
}

pub const PASSWORD: &str = "correct horse battery";

/// What a call over HTTP shows.
pub fn with(
    app: &App,
    verb: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> RequestBuilder {
    let method = Method::from_bytes(verb.as_bytes()).unwrap();
    let mut request = app.client.request(method, app.url(path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    match body {
        Some(body) => request.json(body),
        None => request.header("content-type", "application/json"),
    }
}

/// Status, error id (of Kuzzle's form) or code (of a problem), and the whole answer.
pub async fn answer(request: RequestBuilder) -> (u16, String, Value) {
    let (status, _, json) = told(request).await;
    let id = json["error"]["id"]
        .as_str()
        .or(json["code"].as_str())
        .unwrap_or("");
    (status.as_u16(), id.to_owned(), json)
}

pub async fn ok(
    app: &App,
    verb: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Value {
    let (status, _, json) = answer(with(app, verb, path, token, body.as_ref())).await;
    assert!(status < 300, "{verb} {path}: {json:#}");
    json["result"].clone()
}

pub async fn refused(
    app: &App,
    (verb, path): (&str, &str),
    token: Option<&str>,
    body: Option<Value>,
    expected: (u16, &str),
) {
    let (status, id, json) = answer(with(app, verb, path, token, body.as_ref())).await;
    assert_eq!((status, id.as_str()), expected, "{verb} {path}: {json:#}");
}

/// What the record holds of a user's password.
pub async fn stored_hash(app: &App, kuid: &str) -> String {
    let key = RowKey {
        table: "security_account".to_owned(),
        key: [("kuid".to_owned(), json!(kuid))].into_iter().collect(),
    };
    let row = app.record.rows(&[key]).await.unwrap().remove(0);
    let row = row.expect("the user has an account");
    row.cells["hash"].as_str().unwrap().to_owned()
}

/// An app that is closed, with its administrator's session.
pub async fn closed() -> (App, String) {
    let app = app().await;
    let token = close(&app).await;
    (app, token)
}

/// The administrator's session.
pub async fn close(app: &App) -> String {
    let admin = json!({"content": {"name": "Root"}, "credentials": {"local": {"username": "root", "password": PASSWORD}}});
    ok(
        app,
        "POST",
        "/_createFirstAdmin/root?reset=true",
        None,
        Some(admin),
    )
    .await;
    let token = login(app, "root", PASSWORD).await;
    ok(app, "POST", "/ix/_create", Some(&token), None).await;
    ok(app, "PUT", "/ix/co", Some(&token), Some(json!({}))).await;
    ok(app, "PUT", "/ix/other", Some(&token), Some(json!({}))).await;
    token
}

pub async fn login(app: &App, username: &str, password: &str) -> String {
    let body = json!({"username": username, "password": password});
    let session = ok(app, "POST", "/_login/local", None, Some(body)).await;
    session["jwt"].as_str().unwrap().to_owned()
}

/// A user of a profile of his own name, whose one role is this.
pub async fn user(
    app: &App,
    admin: &str,
    name: &str,
    controllers: Value,
    restricted_to: Value,
) -> String {
    let role = json!({"controllers": controllers});
    ok(
        app,
        "PUT",
        &format!("/roles/{name}?force=true"),
        Some(admin),
        Some(role),
    )
    .await;
    let policies = json!({"policies": [{"roleId": "default"}, {"roleId": name, "restrictedTo": restricted_to}]});
    ok(
        app,
        "PUT",
        &format!("/profiles/{name}"),
        Some(admin),
        Some(policies),
    )
    .await;
    let content = json!({"profileIds": [name]});
    let local = json!({"username": name, "password": PASSWORD});
    let body = json!({"content": content, "credentials": {"local": local}});
    ok(
        app,
        "POST",
        &format!("/users/{name}/_create"),
        Some(admin),
        Some(body),
    )
    .await;
    login(app, name, PASSWORD).await
}

/// A role's entry that allows these actions.
pub fn allow(actions: &[&str]) -> Value {
    let actions: serde_json::Map<String, Value> = actions
        .iter()
        .map(|action| ((*action).to_owned(), Value::Bool(true)))
        .collect();
    json!({"actions": actions})
}
