//! A gateway that reaches neither the log nor the record store: what those write whom it knew is kept
//! and says that nobody was asked; everything else is refused. Whether it is done is decided behind
//! a look, by a worker that reaches both. See ADR 39.

mod island;
mod many;

use super::{PASSWORD, answer, login, ok, with};
use island::{CREATE, STALE, document, island};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_known_caller_writes_is_kept_and_nothing_else_is_done() {
    let island = island().await;
    let token = island.writer().await;
    let unknown = login(&island.app, "writer", PASSWORD).await;
    let left = login(&island.app, "writer", PASSWORD).await;
    island.known(&left).await;
    ok(&island.app, "POST", "/_logout", Some(&left), None).await;
    assert_eq!(island.write(&left, "after").await.0, 401);
    island.cut_off(true).await;
    let request = island.taken(&token).await;
    let (there, publish) = (document("x"), "/v1/operations/realtime.publish");
    let after = format!("{CREATE}?after=x");
    let refused: [(&str, &str, &str, Option<&str>); 9] = [
        ("somebody it never saw", "POST", CREATE, Some(&unknown)),
        ("a session that it saw ending", "POST", CREATE, Some(&left)),
        ("anonymous", "POST", CREATE, None),
        ("what no worker decides", "POST", publish, Some(&token)),
        ("a write behind others", "POST", &after, Some(&token)),
        ("a read", "GET", "/v1/documents/ix/co/1", Some(&token)),
        (
            "a status",
            "GET",
            &format!("/v1/requests/{request}"),
            Some(&token),
        ),
        (
            "messages",
            "POST",
            &format!("{publish}/_bulk"),
            Some(&token),
        ),
        ("sessions", "GET", "/v1/security/sessions", Some(&token)),
    ];
    for (what, verb, path, token) in refused {
        let body = (verb == "POST").then_some(&there);
        let (status, code, told) = answer(with(&island.app, verb, path, token, body)).await;
        assert_eq!((status, code.as_str()), STALE, "{what}: {told:#}");
    }
    let refused = [
        ("GET", "/ix/co/1"),
        ("PUT", "/ix/co/1/_update?source=true"),
        ("PATCH", "/ix/co/_mUpdate"),
        ("DELETE", "/ix/co/1?source=true"),
        ("DELETE", "/ix/co/_bulk/_query"),
        ("POST", "/ix/co/_publish"),
        ("POST", "/ix/co/_create?after=x"),
        ("GET", "/_me"),
    ];
    for (verb, path) in refused {
        let body = json!({"query": {}, "documents": []});
        let body = matches!(verb, "PUT" | "PATCH" | "POST").then_some(&body);
        let (status, id, told) = answer(with(&island.app, verb, path, Some(&token), body)).await;
        let stale = (503, "security.token.cannot_be_verified");
        assert_eq!((status, id.as_str()), stale, "{verb} {path}: {told:#}");
    }
    // A right that it is known to lack is no question.
    let mut elsewhere = document("x");
    elsewhere["collection"] = "other".into();
    let asked = with(&island.app, "POST", CREATE, Some(&token), Some(&elsewhere));
    let (status, code, told) = answer(asked).await;
    assert_eq!((status, code.as_str()), (403, "forbidden"), "{told:#}");
    island.mend();
    island.is_applied(&request).await;
    assert_eq!(island.read(&island.admin).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_away_where_it_cannot_hear_is_refused_when_it_is_decided() {
    let island = island().await;
    let (token, admin) = (island.writer().await, island.admin.clone());
    let key = json!({"description": "a sensor"});
    let path = "/users/writer/api-keys/_create?_id=k1";
    let key = ok(&island.app, "POST", path, Some(&admin), Some(key)).await;
    let key = key["_source"]["token"].as_str().unwrap().to_owned();
    island.known(&key).await;
    island.cut_off(true).await;
    let earlier = island.taken(&token).await;
    // Answered when no gateway honours it for anything but this.
    assert_eq!(
        island.on_mainland("POST", "/_logout", &token, None).await,
        200
    );
    let path = "/users/writer/api-keys/k1";
    assert_eq!(island.on_mainland("DELETE", path, &admin, None).await, 200);
    let there = document("x");
    for ended in [&token, &key] {
        let status = island
            .on_mainland("POST", CREATE, ended, Some(&there))
            .await;
        assert_eq!(status, 401);
    }
    let (later, by_key) = (island.taken(&token).await, island.taken(&key).await);
    let other = island.taken(&admin).await;
    island.mend();
    for request in [&earlier, &later, &by_key] {
        island.is_revoked(request).await;
    }
    island.is_applied(&other).await;
}

/// It cannot ask what changed, and knows that something did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_known_to_have_changed_is_not_trusted() {
    let island = island().await;
    let token = island.writer().await;
    island.cut_off(false).await;
    let request = island.taken(&token).await;
    assert_eq!(
        island.on_mainland("POST", "/_logout", &token, None).await,
        200
    );
    let (status, code, told) = island.write(&token, "after").await;
    assert_eq!((status, code.as_str()), STALE, "{told:#}");
    let other = island.taken(&island.admin).await;
    island.mend();
    island.is_revoked(&request).await;
    island.is_applied(&other).await;
}
