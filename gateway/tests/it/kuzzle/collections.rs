//! Indices and collections: made, mapped, emptied, dropped.

use super::{fault, ok, world};
use crate::harness::{App, problem, told};
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

#[tokio::test]
async fn the_answer_to_a_new_mapping_comes_when_it_holds() {
    let app = world().await;
    let strict =
        json!({"mappings": {"dynamic": "strict", "properties": {"a": {"type": "keyword"}}}});
    let open = json!({"mappings": {"dynamic": "true"}});
    let made = async |n: usize| {
        let (strict_name, open_name) = (format!("/ix/s{n}"), format!("/ix/o{n}"));
        ok(&app, "PUT", &strict_name, Some(strict.clone())).await;
        ok(&app, "PUT", &open_name, Some(open.clone())).await;
        for name in [&strict_name, &open_name] {
            let path = format!("{name}/w/_create");
            // The worker has read what stands, and would believe it for a while.
            ok(&app, "POST", &path, Some(json!({"a": "x"}))).await;
        }
        let added = json!({"properties": {"b": {"type": "long"}}});
        ok(&app, "PUT", &format!("{strict_name}/_mapping"), Some(added)).await;
        let path = format!("{strict_name}/b/_create");
        ok(&app, "POST", &path, Some(json!({"b": n}))).await;
        let closed = json!({"dynamic": "strict"});
        ok(&app, "PUT", &format!("{open_name}/_mapping"), Some(closed)).await;
        let path = format!("{open_name}/b/_create");
        let (body, id) = (
            json!({"zz": n}),
            "services.storage.strict_mapping_rejection",
        );
        fault(&app, "POST", &path, Some(body), 400, id).await;
    };
    futures::future::join_all((0..8).map(made)).await;
}

#[tokio::test]
async fn what_an_index_would_not_change_is_refused_and_nothing_changes() {
    let app = world().await;
    let start = json!({"mappings": {"properties": {
        "d": {"type": "date", "format": "epoch_second"},
        "t": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "o": {"properties": {"n": {"type": "long"}}},
    }}});
    ok(&app, "PUT", "/ix/fixed", Some(start)).await;
    let was = ok(&app, "GET", "/ix/fixed/_mapping", None).await;
    let refused = [
        (json!({"d": {"type": "date"}}), "/properties/d/format"),
        (
            json!({"t": {"type": "text", "analyzer": "simple"}}),
            "/properties/t/analyzer",
        ),
        (
            json!({"o": {"type": "object", "enabled": false}}),
            "/properties/o/enabled",
        ),
    ];
    for (properties, pointer) in refused {
        let body = Some(json!({"properties": properties}));
        let id = "services.storage.cannot_change_mapping";
        let error = fault(&app, "PUT", "/ix/fixed/_mapping", body, 400, id).await;
        assert!(
            error["message"].as_str().unwrap().contains(pointer),
            "{error}"
        );
    }
    assert_eq!(ok(&app, "GET", "/ix/fixed/_mapping", None).await, was);
    let left_out = json!({"properties": {"t": {"type": "text"}}});
    ok(&app, "PUT", "/ix/fixed/_mapping", Some(left_out)).await;
    assert_eq!(ok(&app, "GET", "/ix/fixed/_mapping", None).await, was);
    let bad = Some(json!({"properties": {"x": {"type": "text", "fields": "x"}}}));
    let id = "services.storage.invalid_mapping";
    let error = fault(&app, "PUT", "/ix/bad", bad, 400, id).await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("/properties/x/fields"),
        "{error}"
    );
    assert_eq!(ok(&app, "GET", "/ix/bad/_exists", None).await, false);
}

/// Whatever view there is: a client's settings make no index wait, and none is dropped in silence.
#[tokio::test]
async fn settings_that_are_not_a_clients_are_refused_by_name() {
    let app = world().await;
    let filter = json!({"analysis": {"normalizer": {"low": {"type": "custom"}}}});
    ok(&app, "PUT", "/ix/good", Some(json!({"settings": filter}))).await;
    for (settings, pointer) in [
        (
            json!({"index.blocks.write": true}),
            "/settings/index.blocks.write",
        ),
        (
            json!({"index": {"routing": {"allocation": {"require": {"box": "x"}}}}}),
            "/settings/index/routing/allocation/require/box",
        ),
        (json!({"no_such_setting": 1}), "/settings/no_such_setting"),
        (
            json!({"number_of_shards": "many"}),
            "/settings/number_of_shards",
        ),
    ] {
        let body = json!({"settings": settings});
        let id = "services.storage.invalid_mapping";
        let error = fault(&app, "PUT", "/ix/bad", Some(body.clone()), 400, id).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(pointer), "{error}");
        let path = "/v1/collections/ix/bad";
        let refused = problem(
            app.client.put(app.url(path)).json(&body),
            422,
            "bad_mappings",
        )
        .await;
        assert_eq!(refused["pointer"], pointer, "{refused}");
    }
    assert_eq!(ok(&app, "GET", "/ix/bad/_exists", None).await, false);
}
