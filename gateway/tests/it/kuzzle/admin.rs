//! What is for whoever runs an application: mappings and documents of many collections at once, a
//! database that is emptied, and what a deployment says of itself.

use super::{call, fault, ok, world};
use crate::harness::told;
use serde_json::{Value, json};

#[tokio::test]
async fn mappings_are_loaded_and_loaded_again() {
    let app = world().await;
    let mappings = json!({
        "one": {"a": {"mappings": {"properties": {"n": {"type": "long"}}}, "settings": {}}, "b": {"properties": {"k": {"type": "keyword"}}}},
        "ix": {"co": {"dynamic": "strict", "properties": {"extra": {"type": "keyword"}}}},
        "empty": {},
    });
    for _ in 0..2 {
        let done = ok(&app, "POST", "/admin/_loadMappings", Some(mappings.clone())).await;
        assert_eq!(done, json!({"acknowledge": true}));
    }
    let b = ok(&app, "GET", "/one/b/_mapping", None).await;
    assert_eq!(b["properties"], json!({"k": {"type": "keyword"}}));
    let co = ok(&app, "GET", "/ix/co/_mapping", None).await;
    assert_eq!(
        (&co["dynamic"], &co["properties"]["extra"]),
        (&json!("strict"), &json!({"type": "keyword"}))
    );
    // It holds when it is answered.
    ok(&app, "POST", "/ix/co/_create", Some(json!({"extra": "x"}))).await;

    let bad = |body: Value| Some(body);
    for (body, id) in [
        (
            bad(json!({"users": {"c": {}}})),
            "services.storage.invalid_index_name",
        ),
        (
            bad(json!({"new": {"Big": {}}})),
            "services.storage.invalid_collection_name",
        ),
        (bad(json!({"new": 5})), "api.assert.invalid_type"),
        (bad(json!({"new": {"c": 5}})), "api.assert.invalid_type"),
        (
            bad(json!({"new": {"c": {"mapping": {}}}})),
            "api.assert.unexpected_argument",
        ),
        (
            bad(json!({"new": {"c": {"mappings": {}, "dynamic": true}}})),
            "api.assert.unexpected_argument",
        ),
    ] {
        fault(&app, "POST", "/admin/_loadMappings", body, 400, id).await;
    }
    assert_eq!(ok(&app, "GET", "/new/_exists", None).await, false);
    let changed = json!({"one": {"a": {"properties": {"n": {"type": "keyword"}}}}});
    let id = "services.storage.cannot_change_mapping";
    let refused = fault(&app, "POST", "/admin/_loadMappings", Some(changed), 400, id).await;
    assert!(
        refused["message"].as_str().unwrap().starts_with("one/a: "),
        "{refused}"
    );
}

#[tokio::test]
async fn fixtures_are_loaded_and_seen() {
    let app = world().await;
    ok(&app, "PUT", "/other/c", Some(json!({}))).await;
    let fixtures = json!({
        "ix": {"co": [{"create": {"_id": "a"}}, {"name": "x", "n": 1}, {"index": {"_id": "b"}}, {"name": "x", "n": 2}]},
        "other": {"c": [{"index": {"_id": 5}}, {"v": 1}]},
    });
    let answer = call(&app, "POST", "/admin/_loadFixtures", Some(fixtures.clone())).await;
    assert_eq!(
        (&answer["status"], &answer["result"]),
        (&json!(200), &Value::Null),
        "{answer:#}"
    );
    assert!(answer["token"].is_string());
    let count = ok(
        &app,
        "POST",
        "/ix/co/_count",
        Some(json!({"query": {"term": {"name": "x"}}})),
    )
    .await;
    assert_eq!(count["count"], 2);
    assert_eq!(
        ok(&app, "GET", "/other/c/5", None).await["_source"],
        json!({"v": 1})
    );
    let again = fault(
        &app,
        "POST",
        "/admin/_loadFixtures",
        Some(fixtures),
        206,
        "services.storage.import_failed",
    )
    .await;
    assert_eq!(again["errors"][0]["create"]["_id"], "a", "{again:#}");
    let half = json!({"ix": {"co": [{"index": {"_id": "never"}}, {}]}, "other": {"none": []}});
    fault(
        &app,
        "POST",
        "/admin/_loadFixtures",
        Some(half),
        412,
        "services.storage.unknown_collection",
    )
    .await;
    // All are read before the first is written.
    let odd = json!({"ix": {"co": [{"index": {"_id": "never"}}, {}]}, "other": {"c": [{"index": {"version": 3}}, {}]}});
    fault(
        &app,
        "POST",
        "/admin/_loadFixtures",
        Some(odd),
        400,
        "api.assert.invalid_argument",
    )
    .await;
    assert_eq!(ok(&app, "GET", "/ix/co/never/_exists", None).await, false);
}

#[tokio::test]
async fn a_database_is_emptied_but_for_what_operations_own() {
    let app = world().await;
    ok(&app, "PUT", "/other/c", Some(json!({}))).await;
    ok(&app, "PUT", "/sunbird/mine", Some(json!({}))).await;
    ok(&app, "POST", "/empty/_create", None).await;
    ok(&app, "POST", "/ix/co/_create?_id=a", Some(json!({}))).await;
    let done = ok(&app, "POST", "/admin/_resetDatabase", None).await;
    assert_eq!(done, json!({"acknowledge": true}));
    assert_eq!(ok(&app, "GET", "/_list", None).await["indexes"], json!([]));
    let (_, _, kept) = told(app.get("/v1/collections")).await;
    let kept = kept["collections"].as_array().unwrap();
    assert!(!kept.is_empty() && kept.iter().all(is_operations));
    // It holds when it is answered.
    ok(&app, "PUT", "/ix/co", Some(json!({}))).await;
    assert_eq!(ok(&app, "GET", "/ix/co/a/_exists", None).await, false);
    ok(&app, "POST", "/ix/co/_create?_id=a", Some(json!({}))).await;
}

#[tokio::test]
async fn sizes_and_counts_are_told() {
    let app = world().await;
    ok(&app, "POST", "/empty/_create", None).await;
    let long = "x".repeat(10_000);
    for id in ["a", "b"] {
        ok(
            &app,
            "POST",
            &format!("/ix/co/_create?_id={id}&refresh=wait_for"),
            Some(json!({"text": long})),
        )
        .await;
    }
    let stats = ok(&app, "GET", "/_storageStats", None).await;
    let indices = stats["indexes"].as_array().unwrap();
    assert_eq!(indices.len(), 2, "{stats:#}");
    assert_eq!(
        indices[0],
        json!({"name": "empty", "size": 0, "collections": []})
    );
    let co = &indices[1]["collections"][0];
    assert_eq!(
        (&co["name"], &co["documentCount"]),
        (&json!("co"), &json!(2))
    );
    let size = co["size"].as_u64().unwrap();
    assert!((20_000..30_000).contains(&size), "{stats:#}");
    assert_eq!(
        (&indices[1]["size"], &stats["size"]),
        (&json!(size), &json!(size))
    );
}

#[tokio::test]
async fn a_deployment_says_what_it_can_and_hides_what_is_its_own() {
    let app = world().await;
    let can = ok(&app, "GET", "/_capabilities", None).await;
    assert_eq!(can["limits"]["documentsWriteCount"], 200);
    assert_eq!(can["services"]["record"]["backend"], "embedded");
    assert!(can["routes"]["document"]["create"]["http"].is_array());
    let config = ok(&app, "GET", "/_getConfig", None).await;
    assert_eq!(config["gateway"]["body_limit_bytes"], 1 << 20);
    for hidden in ["listen", "allowed_origins", "spill_dir"] {
        assert!(config["gateway"].get(hidden).is_none(), "{hidden}");
    }
    let metrics = ok(&app, "GET", "/_metrics", None).await;
    assert!(
        metrics["network"]["connections"]["http"].as_u64() >= Some(1),
        "{metrics}"
    );
    assert_eq!(metrics["realtime"], json!({"rooms": 0, "subscriptions": 0}));

    let (status, _, document) = told(app.get("/_openapi")).await;
    assert_eq!(
        (status.as_u16(), &document["openapi"]),
        (200, &json!("3.1.0"))
    );
    let get = &document["paths"]["/{index}/{collection}/{_id}"]["get"];
    assert_eq!(get["summary"], "document:get");
    let named: Vec<_> = get["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["index", "collection", "_id", "after"]);
    let sent = json!({"controller": "server", "action": "openapi", "format": "yaml"});
    fault(
        &app,
        "POST",
        "/_query",
        Some(sent),
        400,
        "api.assert.invalid_argument",
    )
    .await;
}

/// A collection that an operation of the catalog owns.
fn is_operations(one: &serde_json::Value) -> bool {
    let index = one["index"].as_str().unwrap_or_default();
    matches!(index, "sunbird" | "sunbirdplugin") && one["collection"] != "mine"
}
