//! Indices and collections: made, mapped, emptied, dropped.

use super::{fault, ok, world};
use crate::harness::{App, told};
use gateway::Config;
use serde_json::{Value, json};

async fn names(app: &App) -> Vec<String> {
    let listed = ok(app, "GET", "/ix/_list?from=0&size=0", None).await;
    listed["collections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_index_is_remembered_without_collections() {
    let app = world().await;
    assert_eq!(ok(&app, "GET", "/ix/_exists", None).await, true);
    fault(
        &app,
        "POST",
        "/ix/_create",
        None,
        412,
        "services.storage.index_already_exists",
    )
    .await;
    fault(
        &app,
        "POST",
        "/Big/_create",
        None,
        400,
        "services.storage.invalid_index_name",
    )
    .await;
    fault(
        &app,
        "PUT",
        "/none/co",
        None,
        412,
        "services.storage.unknown_index",
    )
    .await;
    fault(
        &app,
        "PUT",
        "/ix/Big",
        None,
        400,
        "services.storage.invalid_collection_name",
    )
    .await;
    ok(&app, "POST", "/empty/_create", None).await;
    let listed = ok(&app, "GET", "/_list", None).await;
    assert!(
        listed["indexes"]
            .as_array()
            .unwrap()
            .contains(&json!("empty"))
            && listed["indexes"].as_array().unwrap().contains(&json!("ix")),
        "{listed}"
    );
    assert_eq!(
        ok(&app, "GET", "/empty/_list", None).await["collections"],
        json!([])
    );
    ok(&app, "DELETE", "/ix/co", None).await;
    assert_eq!(
        ok(&app, "GET", "/ix/_exists", None).await,
        true,
        "it was made by name"
    );
    ok(&app, "DELETE", "/empty", None).await;
    fault(
        &app,
        "DELETE",
        "/empty",
        None,
        412,
        "services.storage.unknown_index",
    )
    .await;
    assert_eq!(
        ok(
            &app,
            "DELETE",
            "/_mDelete",
            Some(json!({"indexes": ["ix", "none"]}))
        )
        .await,
        json!({"deleted": ["ix"]})
    );
    assert_eq!(ok(&app, "GET", "/ix/_exists", None).await, false);
    let v1 = told(app.get("/v1/collections")).await.2;
    assert!(
        v1["collections"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["collection"] != ""),
        "{v1}"
    );
}

#[tokio::test]
async fn a_mapping_grows_and_never_turns() {
    let app = world().await;
    assert_eq!(ok(&app, "GET", "/ix/co/_exists", None).await, true);
    assert_eq!(ok(&app, "GET", "/ix/none/_exists", None).await, false);
    ok(
        &app,
        "POST",
        "/ix/co/a/_create",
        Some(json!({"later": "x"})),
    )
    .await;
    ok(
        &app,
        "POST",
        "/ix/co",
        Some(json!({"mappings": {"properties": {"later": {"type": "keyword"}, "o": {"properties": {"p": {"type": "long"}}}}}})),
    )
    .await;
    ok(
        &app,
        "PUT",
        "/ix/co",
        Some(json!({"properties": {"o": {"properties": {"q": {"type": "long"}}}}})),
    )
    .await;
    let mapping = ok(&app, "GET", "/ix/co/_mapping", None).await;
    assert_eq!(
        (
            &mapping["dynamic"],
            &mapping["properties"]["n"]["type"],
            &mapping["properties"]["later"]["type"]
        ),
        (&json!("false"), &json!("long"), &json!("keyword"))
    );
    assert_eq!(
        mapping["properties"]["o"]["properties"]
            .as_object()
            .unwrap()
            .len(),
        2
    );
    assert!(mapping["properties"].get("_kuzzle_info").is_none());
    assert_eq!(
        ok(&app, "GET", "/ix/co/_mapping?includeKuzzleMeta", None).await["properties"]["_kuzzle_info"]
            ["properties"]["createdAt"]["type"],
        "date"
    );
    fault(
        &app,
        "POST",
        "/ix/co",
        Some(json!({"mappings": {"properties": {"n": {"type": "text"}}}})),
        400,
        "services.storage.cannot_change_mapping",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/co",
        Some(json!({"mappings": {"properties": {"x": {"type": "strnig"}}}})),
        400,
        "services.storage.invalid_mapping",
    )
    .await;
    fault(
        &app,
        "POST",
        "/ix/none",
        Some(json!({"mappings": {}})),
        412,
        "services.storage.unknown_collection",
    )
    .await;
    assert_eq!(ok(&app, "GET", "/ix/co/_settings", None).await, json!({}));
    // The worker knows the new mapping too.
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    fault(
        &app,
        "POST",
        "/ix/co/b/_create",
        Some(json!({"o": {"p": "many"}})),
        400,
        "services.storage.unexpected_bad_request",
    )
    .await;
    assert_eq!(
        ok(
            &app,
            "POST",
            "/ix/co/_count",
            Some(json!({"query": {"term": {"later": "x"}}}))
        )
        .await,
        json!({"count": 1})
    );
}

#[tokio::test]
async fn an_emptied_collection_begins_anew() {
    let app = world().await;
    ok(&app, "POST", "/ix/co/a/_create", Some(json!({"n": 1}))).await;
    let before = told(app.get("/v1/collections")).await.2["collections"].clone();
    ok(&app, "DELETE", "/ix/co/_truncate", None).await;
    assert_eq!(
        ok(&app, "POST", "/ix/co/_count", None).await,
        json!({"count": 0})
    );
    fault(
        &app,
        "GET",
        "/ix/co/a",
        None,
        404,
        "services.storage.not_found",
    )
    .await;
    assert_eq!(
        ok(&app, "POST", "/ix/co/a/_create", Some(json!({"n": 2}))).await["_version"],
        1
    );
    assert_eq!(
        ok(
            &app,
            "POST",
            "/ix/co/_search",
            Some(json!({"query": {"term": {"n": 2}}}))
        )
        .await["total"],
        1,
        "the mapping stands"
    );
    assert_ne!(
        told(app.get("/v1/collections")).await.2["collections"],
        before
    );
    ok(&app, "POST", "/ix/co/_refresh", None).await;
    ok(&app, "DELETE", "/ix/co", None).await;
    fault(
        &app,
        "POST",
        "/ix/co/a/_create",
        Some(json!({})),
        412,
        "services.storage.unknown_collection",
    )
    .await;
    fault(
        &app,
        "DELETE",
        "/ix/co",
        None,
        412,
        "services.storage.unknown_collection",
    )
    .await;
    ok(&app, "PUT", "/ix/co", None).await;
    fault(
        &app,
        "GET",
        "/ix/co/a",
        None,
        404,
        "services.storage.not_found",
    )
    .await;
    assert_eq!(names(&app).await, ["co"]);
}

/// Through a gateway that has not heard of it, a write goes to the collection that stands now, or
/// is refused: never to the old one.
#[tokio::test]
async fn another_gateway_notices_what_was_dropped() {
    let app = world().await;
    let other = app
        .sibling(Config {
            collections_refresh_seconds: 3600,
            ..Config::default()
        })
        .await;
    let put = async |id: &str| -> Value {
        let request = app
            .client
            .post(format!("http://{other}/ix/co/{id}/_create"))
            .json(&json!({"n": 1}));
        told(request).await.2
    };
    assert_eq!(put("a").await["status"], 200);
    ok(&app, "DELETE", "/ix/co/_truncate", None).await;
    assert_eq!(put("a").await["status"], 200);
    assert_eq!(ok(&app, "GET", "/ix/co/a", None).await["_version"], 1);
    ok(&app, "DELETE", "/ix/co", None).await;
    let refused = put("b").await;
    assert_eq!(
        refused["error"]["id"], "services.storage.unknown_collection",
        "{refused:#}"
    );
}
