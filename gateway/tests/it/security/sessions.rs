//! The life of a session.

use super::{PASSWORD, allow, answer, closed, login, ok, refused, user, with};
use crate::harness::{App, Builder};
use futures::SinkExt;
use runtime::{Clock, clock::ManualClock};
use serde_json::{Value, json};
use std::sync::Arc;

const INVALID: (u16, &str) = (401, "security.token.invalid");

async fn check(app: &App, token: &str) -> Value {
    ok(
        app,
        "POST",
        "/_checkToken",
        None,
        Some(json!({"token": token})),
    )
    .await
}

#[tokio::test]
async fn a_login_gives_a_session_and_a_logout_ends_it() {
    let (app, admin) = closed().await;
    let other = login(&app, "root", PASSWORD).await;
    let checked = check(&app, &admin).await;
    assert_eq!(
        (&checked["valid"], &checked["kuid"]),
        (&json!(true), &json!("root"))
    );
    let me = ok(&app, "GET", "/_me", Some(&admin), None).await;
    assert_eq!(
        (&me["_id"], &me["strategies"]),
        (&json!("root"), &json!(["local"]))
    );
    ok(&app, "POST", "/_logout", Some(&admin), None).await;
    refused(&app, ("GET", "/_me"), Some(&admin), None, INVALID).await;
    assert_eq!(check(&app, &admin).await["valid"], false);
    // Only that one.
    ok(&app, "GET", "/_me", Some(&other), None).await;
    let third = login(&app, "root", PASSWORD).await;
    ok(&app, "POST", "/_logout?global=true", Some(&third), None).await;
    refused(&app, ("GET", "/_me"), Some(&other), None, INVALID).await;
    assert_eq!(check(&app, "").await["kuid"], "-1");
    assert_eq!(check(&app, "rubbish").await["valid"], false);
}

#[tokio::test]
async fn wrong_names_and_wrong_passwords_are_told_the_same() {
    let (app, _) = closed().await;
    let mut said = Vec::new();
    for (username, password) in [
        ("root", "wrong"),
        ("nobody", PASSWORD),
        ("nobody", ""),
        ("", ""),
    ] {
        let body = json!({"username": username, "password": password});
        let (status, id, mut json) =
            answer(with(&app, "POST", "/_login/local", None, Some(&body))).await;
        assert_eq!((status, id.as_str()), (401, "plugin.strategy.missing_user"));
        json["requestId"] = json!("");
        said.push(json);
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:#?}");
    refused(
        &app,
        ("POST", "/_login/oauth"),
        None,
        Some(json!({})),
        (400, "security.credentials.unknown_strategy"),
    )
    .await;
    let long = json!({"username": "root", "password": PASSWORD});
    for wanted in ["-1", "2y"] {
        let path = format!("/_login/local?expiresIn={wanted}");
        refused(
            &app,
            ("POST", &path),
            None,
            Some(long.clone()),
            (400, "security.token.ttl_exceeded"),
        )
        .await;
    }
}

/// A gateway on a clock that the test moves; everything else is real.
pub(super) async fn on_a_clock() -> (App, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(runtime::SystemClock.now()));
    let builder = Builder {
        clock: clock.clone(),
        ..Builder::default()
    };
    let app = builder.start().await;
    let admin = json!({"credentials": {"local": {"username": "root", "password": PASSWORD}}});
    ok(
        &app,
        "POST",
        "/_createFirstAdmin/root?reset=true",
        None,
        Some(admin),
    )
    .await;
    (app, clock)
}

#[tokio::test]
async fn a_session_ends_by_its_time() {
    let (app, clock) = on_a_clock().await;
    let body = json!({"username": "root", "password": PASSWORD});
    let session = ok(
        &app,
        "POST",
        "/_login/local?expiresIn=30s",
        None,
        Some(body),
    )
    .await;
    let token = session["jwt"].as_str();
    assert!(
        (29_000..=30_000).contains(&session["ttl"].as_i64().unwrap()),
        "{session:#}"
    );
    clock.advance(28_000);
    ok(&app, "GET", "/_me", token, None).await;
    clock.advance(3_000);
    refused(&app, ("GET", "/_me"), token, None, INVALID).await;
}

#[tokio::test]
async fn a_refreshed_token_is_good_for_a_moment_and_then_ends_its_session() {
    let (app, clock) = on_a_clock().await;
    let first = login(&app, "root", PASSWORD).await;
    let second = ok(&app, "POST", "/_refreshToken", Some(&first), None).await;
    let second = second["jwt"].as_str();
    ok(&app, "GET", "/_me", Some(&first), None).await;
    ok(&app, "GET", "/_me", second, None).await;
    let untouched = login(&app, "root", PASSWORD).await;
    clock.advance(3_000);
    ok(&app, "GET", "/_me", second, None).await;
    // In two hands: nobody knows whose the newer one is.
    refused(&app, ("GET", "/_me"), Some(&first), None, INVALID).await;
    refused(&app, ("GET", "/_me"), second, None, INVALID).await;
    ok(&app, "GET", "/_me", Some(&untouched), None).await;
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["updateMyCredentials", "getCurrentUser"])});
    let here = user(&app, &admin, "meera", rights, json!([])).await;
    let there = login(&app, "meera", PASSWORD).await;
    let weak = json!({"password": "meera123meera"});
    refused(
        &app,
        ("PUT", "/_me/credentials/local/_update"),
        Some(&here),
        Some(weak),
        (
            400,
            "plugin.kuzzle-plugin-auth-passport-local.weak_password",
        ),
    )
    .await;
    let new = json!({"password": "another long password"});
    ok(
        &app,
        "PUT",
        "/_me/credentials/local/_update",
        Some(&here),
        Some(new),
    )
    .await;
    ok(&app, "GET", "/_me", Some(&here), None).await;
    refused(&app, ("GET", "/_me"), Some(&there), None, INVALID).await;
    let old = json!({"username": "meera", "password": PASSWORD});
    refused(
        &app,
        ("POST", "/_login/local"),
        None,
        Some(old),
        (401, "plugin.strategy.missing_user"),
    )
    .await;
    let newest = login(&app, "meera", "another long password").await;
    // Set by another, the user has to log in anew everywhere.
    let set = json!({"password": "a third long password"});
    ok(
        &app,
        "PUT",
        "/credentials/local/meera/_update",
        Some(&admin),
        Some(set),
    )
    .await;
    for token in [&here, &newest] {
        refused(&app, ("GET", "/_me"), Some(token), None, INVALID).await;
    }
}

#[tokio::test]
async fn whoever_is_deleted_is_nobody_at_once_and_does_not_come_back_with_old_tokens() {
    let (app, admin) = closed().await;
    let rights = json!({"auth": allow(&["createApiKey"])});
    let token = user(&app, &admin, "meera", rights.clone(), json!([])).await;
    let key = ok(
        &app,
        "POST",
        "/api-keys/_create",
        Some(&token),
        Some(json!({"description": "k"})),
    )
    .await;
    let key = key["_source"]["token"].as_str().unwrap().to_owned();
    ok(&app, "GET", "/_me", Some(&key), None).await;
    ok(&app, "DELETE", "/users/meera", Some(&admin), None).await;
    refused(&app, ("GET", "/_me"), Some(&token), None, INVALID).await;
    refused(&app, ("GET", "/_me"), Some(&key), None, INVALID).await;
    // The name is free again; another user of the same id has nothing of the first.
    user(&app, &admin, "meera", rights, json!([])).await;
    refused(&app, ("GET", "/_me"), Some(&token), None, INVALID).await;
    refused(&app, ("GET", "/_me"), Some(&key), None, INVALID).await;
}

#[tokio::test]
async fn refreshing_again_and_again_prolongs_no_grace() {
    let (app, clock) = on_a_clock().await;
    let first = login(&app, "root", PASSWORD).await;
    for _ in 0..2 {
        ok(&app, "POST", "/_refreshToken", Some(&first), None).await;
        clock.advance(600);
    }
    let again = ("POST", "/_refreshToken");
    refused(&app, again, Some(&first), None, INVALID).await;
}

#[tokio::test]
async fn a_bulk_goes_on_though_its_token_was_refreshed_meanwhile() {
    let (app, clock) = on_a_clock().await;
    let first = login(&app, "root", PASSWORD).await;
    ok(&app, "POST", "/ix/_create", Some(&first), None).await;
    ok(&app, "PUT", "/ix/co", Some(&first), Some(json!({}))).await;
    let (mut lines, body) = futures::channel::mpsc::channel::<Result<String, std::io::Error>>(4);
    let line = |id: &str| {
        let line = json!({"index": "ix", "collection": "co", "_id": id, "body": {}});
        Ok(format!("{line}\n"))
    };
    let bulk = app
        .client
        .post(app.url("/v1/operations/document.create/_bulk"));
    let bulk = bulk
        .bearer_auth(&first)
        .header("content-type", "application/x-ndjson");
    let bulk = tokio::spawn(bulk.body(reqwest::Body::wrap_stream(body)).send());
    lines.send(line("a")).await.unwrap();
    while answer(with(&app, "GET", "/ix/co/a", Some(&first), None))
        .await
        .0
        != 200
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let second = ok(&app, "POST", "/_refreshToken", Some(&first), None).await;
    clock.advance(3_000);
    lines.send(line("b")).await.unwrap();
    drop(lines);
    let text = bulk.await.unwrap().unwrap().text().await.unwrap();
    assert_eq!(text.matches("\"request_id\"").count(), 2, "{text}");
    ok(&app, "GET", "/_me", second["jwt"].as_str(), None).await;
}
