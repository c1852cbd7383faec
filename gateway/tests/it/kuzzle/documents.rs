//! One document at a time.

use super::{call, fault, ok, world};
use crate::harness::{Builder, told};
use gateway::Config;
use serde_json::json;

#[tokio::test]
async fn a_document_from_its_making_to_its_end() {
    let app = world().await;
    let made = call(
        &app,
        "POST",
        "/ix/co/_create?_id=a&silent&verb=",
        Some(json!({"name": "x", "_kuzzle_info": {"author": "me"}})),
    )
    .await;
    let result = &made["result"];
    assert_eq!(
        (
            &result["_id"],
            &result["_version"],
            &result["_source"]["name"]
        ),
        (&json!("a"), &json!(1), &json!("x")),
        "{made:#}"
    );
    let info = &result["_source"]["_kuzzle_info"];
    assert_eq!(
        (&info["author"], &info["updater"], &info["updatedAt"]),
        (&json!("-1"), &json!(null), &json!(null))
    );
    assert!(info["createdAt"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        (
            &made["controller"],
            &made["action"],
            &made["index"],
            &made["collection"]
        ),
        (
            &json!("document"),
            &json!("create"),
            &json!("ix"),
            &json!("co")
        )
    );
    let token = made["token"].as_str().unwrap();
    assert_eq!(
        ok(&app, "GET", &format!("/ix/co/a?after={token}"), None).await,
        *result
    );
    fault(
        &app,
        "POST",
        "/ix/co/a/_create",
        Some(json!({})),
        400,
        "services.storage.document_already_exists",
    )
    .await;

    let changed = ok(
        &app,
        "PATCH",
        "/ix/co/a/_update",
        Some(json!({"o": {"deep": 1}})),
    )
    .await;
    assert_eq!(
        (
            &changed["_version"],
            changed["_source"].get("name"),
            &changed["_source"]["_kuzzle_info"]["updater"]
        ),
        (&json!(2), None, &json!("-1"))
    );
    let whole = ok(
        &app,
        "PUT",
        "/ix/co/a/_update?source=true&retryOnConflict=10",
        Some(json!({"o": {"more": 2}})),
    )
    .await;
    assert_eq!(whole["_source"]["o"], json!({"deep": 1, "more": 2}));
    assert_eq!(
        (
            &whole["_source"]["name"],
            &whole["_source"]["_kuzzle_info"]["author"]
        ),
        (&json!("x"), &json!("-1"))
    );

    let less = ok(
        &app,
        "DELETE",
        "/ix/co/a/_fields?source",
        Some(json!({"fields": ["o.deep"]})),
    )
    .await;
    assert_eq!(
        (&less["_source"]["o"], &less["_version"]),
        (&json!({"more": 2}), &json!(4))
    );

    let replaced = ok(&app, "PUT", "/ix/co/a/_replace", Some(json!({"name": "y"}))).await;
    assert_eq!(
        (&replaced["_version"], replaced.get("created")),
        (&json!(5), None)
    );
    let info = &replaced["_source"]["_kuzzle_info"];
    assert!(
        info["createdAt"] == info["updatedAt"] && info["updater"] == "-1",
        "{info}"
    );
    assert_eq!(
        ok(&app, "PUT", "/ix/co/a", Some(json!({"name": "z"}))).await["created"],
        false
    );
    assert_eq!(
        ok(&app, "PUT", "/ix/co/b", Some(json!({"name": "z"}))).await["created"],
        true
    );

    assert_eq!(ok(&app, "GET", "/ix/co/a/_exists", None).await, true);
    assert_eq!(
        ok(&app, "DELETE", "/ix/co/a?source=true", None).await["_source"]["name"],
        "z"
    );
    assert_eq!(ok(&app, "GET", "/ix/co/a/_exists", None).await, false);
    let gone = fault(
        &app,
        "GET",
        "/ix/co/a",
        None,
        404,
        "services.storage.not_found",
    )
    .await;
    assert_eq!(gone["props"], json!(["a", "ix", "co"]));
    for (verb, path) in [("PUT", "/ix/co/a/_replace"), ("PATCH", "/ix/co/a/_update")] {
        fault(
            &app,
            verb,
            path,
            Some(json!({})),
            404,
            "services.storage.not_found",
        )
        .await;
    }
    fault(
        &app,
        "DELETE",
        "/ix/co/a",
        None,
        404,
        "services.storage.not_found",
    )
    .await;
}

#[tokio::test]
async fn an_upsert_that_creates_knows_its_author() {
    let app = world().await;
    let body = json!({"changes": {"n": 1}, "default": {"name": "d", "n": 0}});
    let made = ok(
        &app,
        "POST",
        "/ix/co/u/_upsert?source=true",
        Some(body.clone()),
    )
    .await;
    assert_eq!(
        (
            &made["created"],
            &made["_source"]["n"],
            &made["_source"]["name"]
        ),
        (&json!(true), &json!(1), &json!("d"))
    );
    let info = made["_source"]["_kuzzle_info"].clone();
    assert_eq!(
        (&info["author"], &info["updater"]),
        (&json!("-1"), &json!("-1"))
    );
    let again = ok(
        &app,
        "POST",
        "/ix/co/u/_upsert",
        Some(json!({"changes": {"n": 2}})),
    )
    .await;
    assert_eq!(
        (&again["created"], &again["_version"], again.get("_source")),
        (&json!(false), &json!(2), None)
    );
    let stands = ok(&app, "GET", "/ix/co/u", None).await;
    assert_eq!(
        (
            &stands["_source"]["n"],
            &stands["_source"]["_kuzzle_info"]["createdAt"]
        ),
        (&json!(2), &info["createdAt"])
    );
    fault(
        &app,
        "POST",
        "/ix/co/u/_upsert",
        Some(json!({"default": {}})),
        400,
        "api.assert.missing_argument",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_there_has_a_name() {
    let app = world().await;
    fault(
        &app,
        "POST",
        "/ix/none/_create",
        Some(json!({})),
        412,
        "services.storage.unknown_collection",
    )
    .await;
    fault(
        &app,
        "POST",
        "/none/co/_create",
        Some(json!({})),
        412,
        "services.storage.unknown_index",
    )
    .await;
    fault(
        &app,
        "GET",
        "/none/co/x",
        None,
        412,
        "services.storage.unknown_index",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_create",
        None,
        400,
        "api.assert.body_required",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_create",
        Some(json!([1])),
        400,
        "api.assert.invalid_type",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/_create?silent=maybe",
        Some(json!({})),
        400,
        "api.assert.invalid_type",
    )
    .await;
}

#[tokio::test]
async fn a_strict_mapping_refuses_what_it_does_not_know() {
    let app = world().await;
    ok(
        &app,
        "PUT",
        "/ix/strict",
        Some(
            json!({"mappings": {"dynamic": "strict", "properties": {"name": {"type": "keyword"}}}}),
        ),
    )
    .await;
    ok(
        &app,
        "POST",
        "/ix/strict/a/_create",
        Some(json!({"name": "x"})),
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/strict/b/_create",
        Some(json!({"other": 1})),
        400,
        "services.storage.strict_mapping_rejection",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co/b/_create",
        Some(json!({"n": "many"})),
        400,
        "services.storage.unexpected_bad_request",
    )
    .await;
    let validated = ok(
        &app,
        "POST",
        "/ix/strict/_validate",
        Some(json!({"other": 1})),
    )
    .await;
    assert_eq!(validated["valid"], false, "{validated}");
    assert_eq!(
        ok(
            &app,
            "POST",
            "/ix/strict/_validate",
            Some(json!({"name": "x"}))
        )
        .await,
        json!({"valid": true, "errorMessages": {}})
    );
}

#[tokio::test]
async fn what_is_not_applied_in_time_is_told_by_its_id() {
    let config = Config {
        kuzzle_wait_seconds: 1,
        ..Config::default()
    };
    let app = Builder {
        worker: false,
        config,
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let error = fault(
        &app,
        "POST",
        "/geo/cities/_create",
        Some(json!({"name": "x"})),
        504,
        "services.storage.not_yet_applied",
    )
    .await;
    let id = error["request_id"].as_str().unwrap();
    assert!(error["message"].as_str().unwrap().contains(id));
    assert_eq!(
        told(app.get(&format!("/v1/requests/{id}"))).await.2["status"],
        "queued"
    );
    app.worker();
    let applied = async {
        while told(app.get(&format!("/v1/requests/{id}"))).await.2["status"] != "applied" {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), applied)
        .await
        .unwrap();
}

#[tokio::test]
async fn events_say_how_the_client_called_them() {
    let app = world().await;
    let request = app
        .post("/ix/co/o/_create?silent=true", &json!({"a": 1}))
        .header("x-kuzzle-volatile", r#"{"why":"test"}"#);
    let (_, headers, json) = told(request).await;
    assert_eq!(json["volatile"], json!({"why": "test"}));
    assert_eq!(headers["consign-token"], json["token"].as_str().unwrap());
    ok(&app, "PATCH", "/ix/co/o/_update", Some(json!({"a": 2}))).await;
    ok(&app, "POST", "/ix/co/_write?_id=o", Some(json!({"a": 3}))).await;
    ok(
        &app,
        "POST",
        "/ix/co/_write?_id=o&notify=true",
        Some(json!({"a": 4})),
    )
    .await;
    let events = app.events().await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let origin = event.data.origin.as_ref().unwrap();
            (
                origin.protocol.as_str(),
                origin.controller.as_str(),
                origin.action.as_str(),
                origin.silent,
            )
        })
        .collect();
    let wanted = [
        ("http", "document", "create", true),
        ("http", "document", "update", false),
        ("http", "bulk", "write", true),
        ("http", "bulk", "write", false),
    ];
    assert_eq!(told, wanted);
    assert_eq!(
        events[0].data.origin.as_ref().unwrap().request,
        json["requestId"].as_str().unwrap()
    );
    assert_eq!(
        events[0].data.volatile.as_ref().unwrap().get(),
        r#"{"why":"test"}"#
    );
}
