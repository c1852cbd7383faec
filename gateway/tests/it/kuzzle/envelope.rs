//! What is the same for every action: the envelope, unknown names, paths that are not this
//! family's, and who one is.

use super::{call, fault, ok, world};
use crate::harness::{app, problem, told};
use serde_json::{Value, json};

#[tokio::test]
async fn the_envelope_is_taken_over_http_too() {
    let app = world().await;
    let sent = json!({"controller": "document", "action": "create", "index": "ix", "collection": "co", "_id": null, "body": {"a": 1}, "requestId": "mine",
        "volatile": {"sdkName": "x"}, "verb": "POST", "default": null, "cookieAuth": false});
    let answer = call(&app, "POST", "/_query", Some(sent)).await;
    assert_eq!(
        (&answer["requestId"], &answer["volatile"], &answer["status"]),
        (&json!("mine"), &json!({"sdkName": "x"}), &json!(200))
    );
    assert!(
        answer.get("room").is_none() && answer["result"]["_id"].is_string(),
        "{answer:#}"
    );
    let unknown = [
        (
            json!({"controller": "nothing", "action": "x"}),
            404,
            "api.process.controller_not_found",
        ),
        (
            json!({"controller": "document", "action": "x"}),
            404,
            "api.process.action_not_found",
        ),
        (json!({"action": "x"}), 400, "api.assert.missing_argument"),
        (
            json!({"controller": "document", "action": "create", "index": 5}),
            400,
            "api.assert.invalid_type",
        ),
        (
            json!({"controller": "document", "action": "create", "body": {}}),
            400,
            "api.assert.missing_argument",
        ),
        (
            json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": "co", "body": {}}),
            400,
            "core.realtime.no_connection",
        ),
        (
            json!({"controller": "auth", "action": "login", "strategy": "oauth"}),
            400,
            "security.credentials.unknown_strategy",
        ),
    ];
    for (sent, status, id) in unknown {
        let answer = call(&app, "POST", "/_query", Some(sent.clone())).await;
        assert_eq!(
            (answer["status"].as_u64(), answer["error"]["id"].as_str()),
            (Some(status), Some(id)),
            "{sent}: {answer:#}"
        );
    }
}

#[tokio::test]
async fn bad_calls_are_answered_in_the_envelope() {
    let app = world().await;
    fault(
        &app,
        "GET",
        "/_nothing/at/all/is/here",
        None,
        404,
        "network.http.url_not_found",
    )
    .await;
    fault(
        &app,
        "PATCH",
        "/ix/co/a",
        None,
        404,
        "network.http.url_not_found",
    )
    .await;
    let bad = app
        .client
        .post(app.url("/ix/co/_create"))
        .header("content-type", "application/json")
        .body("{\"a\":");
    let (status, _, json) = told(bad).await;
    assert_eq!(
        (status.as_u16(), json["error"]["id"].as_str()),
        (400, Some("network.http.body_parse_failed")),
        "{json}"
    );
    let (_, _, json) = told(
        app.client
            .post(app.url("/ix/co/_create"))
            .header("content-type", "text/plain")
            .body("{}"),
    )
    .await;
    assert_eq!(json["error"]["id"], "network.http.unsupported_content");
    let large = json!({"text": "x".repeat(1 << 20)});
    fault(
        &app,
        "POST",
        "/ix/co/_create",
        Some(large),
        413,
        "network.http.request_too_large",
    )
    .await;
    let (_, _, json) = told(
        app.post("/ix/co/_create", &json!({}))
            .header("x-kuzzle-volatile", "nonsense"),
    )
    .await;
    assert_eq!(json["error"]["id"], "network.http.volatile_parse_failed");
}

#[tokio::test]
async fn paths_of_our_own_stay_ours() {
    let app = app().await;
    for path in [
        "/v1",
        "/v1/nothing",
        "/v1/a/b/_search",
        "/v2/a/_list",
        "/docs/nothing/here",
        "/metrics/x",
        "/healthz/_exists",
    ] {
        problem(app.get(path), 404, "unknown_route").await;
    }
    problem(
        app.client.put(app.url("/v1/operations/x")),
        405,
        "method_not_allowed",
    )
    .await;
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/v1/collections",
    ] {
        assert!(
            app.get(path).send().await.unwrap().status().is_success(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let app = app().await;
    let api = ok(&app, "GET", "/_publicApi", None).await;
    assert_eq!(
        api["document"]["create"]["http"][0],
        json!({"verb": "POST", "path": "/:index/:collection/_create", "url": "/:index/:collection/_create"})
    );
    let info = ok(&app, "GET", "/", None).await;
    assert_eq!(info["serverInfo"]["kuzzle"]["api"]["routes"], api);
    assert!(
        ok(&app, "GET", "/_now", None).await["now"]
            .as_i64()
            .unwrap()
            > 1_700_000_000_000
    );
    assert_eq!(
        ok(&app, "GET", "/_healthCheck", None).await["status"],
        "green"
    );
    assert_eq!(
        ok(&app, "POST", "/_checkToken", Some(json!({}))).await,
        json!({"valid": true, "expiresAt": null, "kuid": "-1"})
    );
    assert_eq!(ok(&app, "GET", "/_me", None).await["_id"], "-1");
    assert_eq!(
        ok(&app, "POST", "/ix/co/_publish", Some(json!({"a": 1}))).await,
        json!({"published": true})
    );
}

#[tokio::test]
async fn every_answer_names_what_it_answers() {
    let app = world().await;
    let answer = call(&app, "GET", "/ix/co/none", None).await;
    let mut names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "action",
            "collection",
            "controller",
            "error",
            "headers",
            "index",
            "requestId",
            "result",
            "status",
            "volatile"
        ]
    );
    assert_eq!(
        (&answer["headers"], &answer["volatile"]),
        (&json!({}), &Value::Null)
    );
}

#[tokio::test]
async fn slashes_in_a_row_are_one() {
    let app = world().await;
    let plain = ok(&app, "GET", "/ix/_list", None).await;
    for path in ["/ix/_list/", "/ix/_list//", "//ix/_list", "//ix//_list"] {
        assert_eq!(ok(&app, "GET", path, None).await, plain, "{path}");
    }
    for path in ["//v1/nothing", "/v1//nothing", "//docs//nothing"] {
        problem(app.get(path), 404, "unknown_route").await;
    }
}
