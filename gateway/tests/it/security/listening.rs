//! Subscriptions end with the credential that they were made with, and with the right to hear.

use super::{PASSWORD, allow, closed, login, ok, user};
use crate::{harness::App, socket::Socket};
use serde_json::{Value, json};
use std::time::Duration;

const QUIET: Duration = Duration::from_millis(300);

async fn listen(app: &App, token: &str) -> Socket {
    let mut socket = Socket::connect(app.address).await;
    subscribe(&mut socket, token, "co", json!({})).await;
    socket
}

async fn subscribe(socket: &mut Socket, token: &str, collection: &str, filter: Value) {
    let asked = json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": collection, "body": filter, "jwt": token, "requestId": "s", "state": "done"});
    socket.send(asked.to_string()).await;
    let told = socket.next().await;
    assert!(told["error"].is_null(), "{told:#}");
}

async fn write(app: &App, admin: &str, id: &str) {
    ok(
        app,
        "PUT",
        &format!("/ix/co/{id}"),
        Some(admin),
        Some(json!({"n": 1})),
    )
    .await;
}

async fn hears(socket: &mut Socket, id: &str) {
    let told = socket.next().await;
    assert_eq!(told["result"]["_id"], id, "{told:#}");
}

#[tokio::test]
async fn a_session_that_ends_takes_its_subscriptions_with_it_and_no_others() {
    let (app, admin) = closed().await;
    app.notifier("n");
    let (first, second) = (
        login(&app, "root", PASSWORD).await,
        login(&app, "root", PASSWORD).await,
    );
    let mut ended = listen(&app, &first).await;
    let mut other = listen(&app, &second).await;
    // Two sessions on one connection: only what the one held goes.
    let mut both = listen(&app, &first).await;
    subscribe(&mut both, &second, "co", json!({"equals": {"n": 1}})).await;
    write(&app, &admin, "a").await;
    hears(&mut ended, "a").await;
    hears(&mut other, "a").await;
    hears(&mut both, "a").await;
    hears(&mut both, "a").await;
    ok(&app, "POST", "/_logout", Some(&first), None).await;
    write(&app, &admin, "b").await;
    assert_eq!(ended.next().await["type"], "TokenExpired");
    ended.silent(QUIET).await;
    hears(&mut other, "b").await;
    assert_eq!(both.next().await["type"], "TokenExpired");
    hears(&mut both, "b").await;
    both.silent(QUIET).await;
}

#[tokio::test]
async fn a_refreshed_session_goes_on_listening_and_a_key_that_is_deleted_does_not() {
    let (app, admin) = closed().await;
    app.notifier("n");
    let first = login(&app, "root", PASSWORD).await;
    let mut socket = listen(&app, &first).await;
    let key = ok(
        &app,
        "POST",
        "/api-keys/_create?_id=k",
        Some(&admin),
        Some(json!({"description": "k"})),
    )
    .await;
    let mut sensor = listen(&app, key["_source"]["token"].as_str().unwrap()).await;
    let second = ok(&app, "POST", "/_refreshToken", Some(&first), None).await;
    let second = second["jwt"].as_str().unwrap().to_owned();
    ok(&app, "DELETE", "/api-keys/k", Some(&admin), None).await;
    assert_eq!(sensor.next().await["type"], "TokenExpired");
    write(&app, &admin, "a").await;
    hears(&mut socket, "a").await;
    sensor.silent(QUIET).await;
    ok(&app, "POST", "/_logout", Some(&second), None).await;
    assert_eq!(socket.next().await["type"], "TokenExpired");
}

#[tokio::test]
async fn a_right_that_is_taken_away_ends_what_it_let_hear() {
    let (app, admin) = closed().await;
    app.notifier("n");
    let rights = json!({"realtime": allow(&["subscribe"])});
    let token = user(&app, &admin, "meera", rights, json!([{"index": "ix"}])).await;
    let mut socket = listen(&app, &token).await;
    write(&app, &admin, "a").await;
    hears(&mut socket, "a").await;
    let narrower = json!({"policies": [{"roleId": "default"}, {"roleId": "meera", "restrictedTo": [{"index": "ix", "collections": ["other"]}]}]});
    ok(&app, "PUT", "/profiles/meera", Some(&admin), Some(narrower)).await;
    write(&app, &admin, "b").await;
    socket.silent(QUIET).await;
}

/// Whoever listened while everybody might does not go on.
#[tokio::test]
async fn closing_ends_what_anonymous_callers_hear() {
    let app = crate::harness::app().await;
    app.notifier("n");
    ok(&app, "POST", "/ix/_create", None, None).await;
    ok(&app, "PUT", "/ix/co", None, Some(json!({}))).await;
    let mut socket = Socket::connect(app.address).await;
    let asked = json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": "co", "body": {}, "requestId": "s", "state": "done"});
    socket.send(asked.to_string()).await;
    assert!(socket.next().await["error"].is_null());
    let body = json!({"credentials": {"local": {"username": "root", "password": PASSWORD}}});
    ok(
        &app,
        "POST",
        "/_createFirstAdmin/root?reset=true",
        None,
        Some(body),
    )
    .await;
    let admin = login(&app, "root", PASSWORD).await;
    write(&app, &admin, "a").await;
    socket.silent(QUIET).await;
}
