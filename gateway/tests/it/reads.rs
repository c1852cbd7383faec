//! Requests, collections, documents and searches.

use crate::harness::{Builder, app, city, log_only, problem, told};
use gateway::Config;
use serde_json::{Value, json};

#[tokio::test]
async fn a_request_is_queued_then_applied_or_refused() {
    let app = log_only().await;
    app.cities().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (_, _, json) =
            told(app.post("/v1/operations/document.create", &city("1", "Paris"))).await;
        ids.push(json["request_id"].as_str().unwrap().to_owned());
    }
    let path = |n: usize| format!("/v1/requests/{}", ids[n]);
    let (status, _, json) = told(app.get(&path(2))).await;
    assert_eq!(
        (
            status.as_u16(),
            json["status"].as_str(),
            json["ahead"].as_u64()
        ),
        (200, Some("queued"), Some(2)),
        "{json}"
    );
    assert_eq!(json["position"]["offset"], 2);
    assert_eq!(json["operation"], "document.create");
    assert_eq!(json["stores"]["embedded"], "pending");
    assert!(
        json["times"]["accepted"]
            .as_str()
            .unwrap()
            .starts_with("20"),
        "{json}"
    );
    app.worker();
    let token = told(app.post("/v1/operations/document.create", &city("9", "Rome")))
        .await
        .2["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        told(
            app.get(&format!("/v1/documents/geo/cities/9?after={token}"))
                .header("prefer", "wait=30")
        )
        .await
        .0,
        200
    );
    let mut applied = Value::Null;
    for _ in 0..200 {
        applied = told(app.get(&path(0))).await.2;
        if applied["status"] == "applied" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        (
            applied["status"].as_str(),
            applied["result"]["_id"].as_str()
        ),
        (Some("applied"), Some("1")),
        "{applied}"
    );
    assert_eq!(applied["stores"]["embedded"], "done");
    let refused = told(app.get(&path(1))).await.2;
    assert_eq!(
        (
            refused["status"].as_str(),
            refused["problem"]["code"].as_str()
        ),
        (Some("refused"), Some("exists")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_request_that_never_was_is_a_404() {
    let app = log_only().await;
    let mine = event_schema::id::RequestId::mint(&app.keys, 1, 2, [9; 16]);
    problem(
        app.get(&format!("/v1/requests/{mine}")),
        404,
        "unknown_request",
    )
    .await;
    let forged = event_schema::id::RequestId::mint(
        &event_schema::signing::Keyring::new(1, *b"somebody else's.."),
        1,
        2,
        [9; 16],
    );
    problem(
        app.get(&format!("/v1/requests/{forged}")),
        404,
        "unknown_request",
    )
    .await;
}

#[tokio::test]
async fn a_backlog_that_is_too_long_to_look_through_says_so() {
    let app = Builder {
        worker: false,
        config: Config {
            scan_records: 1,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    for n in 0..40 {
        told(app.post("/v1/operations/document.create", &city(&n.to_string(), "x"))).await;
    }
    for partition in 0..crate::harness::PARTITIONS {
        let mine = event_schema::id::RequestId::mint(&app.keys, 1, partition, [9; 16]);
        let found = problem(
            app.get(&format!("/v1/requests/{mine}")),
            503,
            "lookup_incomplete",
        )
        .await;
        assert_eq!(found["request_id"], mine.to_string());
    }
}

#[tokio::test]
async fn collections_are_made_once_and_never_overwritten() {
    let app = log_only().await;
    let path = app.url("/v1/collections/geo/cities");
    let put = |body: Value| app.client.put(&path).json(&body);
    let mappings =
        json!({"mappings": {"properties": {"name": {"type": "keyword"}, "n": {"type": "long"}}}});
    let (status, _, made) = told(put(mappings.clone())).await;
    assert_eq!(status, 201, "{made}");
    let incarnation = made["incarnation"].as_str().unwrap();
    assert!(
        incarnation.len() == 8
            && incarnation
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    );
    let turned =
        json!({"mappings": {"properties": {"n": {"type": "long"}, "name": {"type": "keyword"}}}});
    let (status, _, again) = told(put(turned)).await;
    assert_eq!(
        (status.as_u16(), again["incarnation"].as_str()),
        (200, Some(incarnation))
    );
    assert_eq!(told(app.client.put(&path)).await.0, 200);
    let other = problem(
        put(json!({"mappings": {"properties": {"name": {"type": "text"}}}})),
        409,
        "collection_differs",
    )
    .await;
    assert_eq!(other["pointer"], "/mappings");
    problem(
        app.client
            .put(app.url("/v1/collections/geo/towns"))
            .json(&json!({"mappings": {"properties": {"a": {"type": "strnig"}}}})),
        422,
        "bad_mappings",
    )
    .await;
    problem(
        app.client
            .put(app.url("/v1/collections/geo/towns"))
            .json(&json!({"mapping": {}})),
        422,
        "invalid",
    )
    .await;
    problem(
        app.client.put(app.url("/v1/collections/Geo/towns")),
        422,
        "bad_name",
    )
    .await;
    let (_, _, list) = told(app.get("/v1/collections")).await;
    let names: Vec<_> = list["collections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            format!(
                "{}/{}",
                c["index"].as_str().unwrap(),
                c["collection"].as_str().unwrap()
            )
        })
        .collect();
    assert!(
        names.contains(&"geo/cities".to_owned()) && !names.contains(&"geo/towns".to_owned()),
        "{names:?}"
    );
}

#[tokio::test]
async fn documents_by_id_by_ids_and_by_search() {
    let app = app().await;
    app.cities().await;
    let body = r#"{"index":"geo","collection":"cities","_id":"a/b c","body":{"name":"Paris",  "population":2138551.0,"location":{"lat":48.85,"lon":2.35}}}"#;
    let write = app
        .client
        .post(app.url("/v1/operations/document.create?refresh=wait_for"))
        .header("content-type", "application/json")
        .body(body);
    let (status, _, json) = told(write).await;
    assert_eq!(status, 200, "{json}");
    let answer = app
        .get("/v1/documents/geo/cities/a%2Fb%20c")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["etag"], "\"1\"");
    let text = answer.text().await.unwrap();
    assert!(
        text.contains(r#""_source":{"name":"Paris",  "population":2138551.0,"#),
        "to the byte: {text}"
    );
    assert!(text.contains(r#""_version":1"#));
    problem(app.get("/v1/documents/geo/cities/none"), 404, "missing").await;
    problem(
        app.get("/v1/documents/geo/none/1"),
        404,
        "unknown_collection",
    )
    .await;
    let (_, _, many) = told(app.post(
        "/v1/documents/geo/cities/_mget",
        &json!({"ids": ["none", "a/b c"]}),
    ))
    .await;
    assert_eq!(
        (
            many["documents"][0]["_id"].as_str(),
            many["missing"][0].as_str()
        ),
        (Some("a/b c"), Some("none"))
    );
    let odd = json!({"ids": ["none", 5, null, "", "a/b c", {}]});
    let (_, _, many) = told(app.post("/v1/documents/geo/cities/_mget", &odd)).await;
    let refused = many["refused"].as_array().unwrap();
    let pointers: Vec<&Value> = refused.iter().map(|one| &one["pointer"]).collect();
    assert_eq!(pointers, ["/ids/1", "/ids/2", "/ids/3", "/ids/5"]);
    assert_eq!(
        (&many["documents"][0]["_id"], &many["missing"]),
        (&json!("a/b c"), &json!(["none"]))
    );
    problem(
        app.post(
            "/v1/documents/geo/cities/_mget",
            &json!({"ids": vec!["x"; 1001]}),
        ),
        422,
        "answer_too_large",
    )
    .await;
    problem(
        app.post("/v1/documents/geo/cities/_mget", &json!({"id": []})),
        422,
        "invalid",
    )
    .await;
    let (_, _, count) = told(app.post(
        "/v1/documents/geo/cities/_count",
        &json!({"query": {"term": {"name": "Paris"}}}),
    ))
    .await;
    assert_eq!(count, json!({"count": 1}));
    let near = json!({"query": {"geo_distance": {"distance": "10km", "location": {"lat": 48.86, "lon": 2.34}}}});
    let (_, _, found) = told(app.post("/v1/documents/geo/cities/_search", &near)).await;
    assert_eq!(
        (found["total"].as_u64(), found["hits"][0]["_id"].as_str()),
        (Some(1), Some("a/b c")),
        "{found}"
    );
}

#[tokio::test]
async fn a_search_that_is_not_known_is_a_501_never_a_wrong_answer() {
    let app = log_only().await;
    app.cities().await;
    let search = |body: Value| app.post("/v1/documents/geo/cities/_search", &body);
    let found = problem(
        search(json!({"query": {"more_like_this": {"like": "Paris"}}})),
        501,
        "unsupported_search",
    )
    .await;
    assert!(
        found["detail"].as_str().unwrap().contains("more_like_this"),
        "{found}"
    );
    let found = problem(search(json!({"suggest": {}})), 501, "unsupported_search").await;
    assert_eq!(found["pointer"], "/suggest");
    problem(search(json!({"from": 9_999, "size": 2})), 400, "bad_search").await;
    problem(search(json!({"size": "ten"})), 400, "bad_search").await;
    problem(search(json!([])), 400, "bad_search").await;
    problem(
        app.post("/v1/documents/geo/cities/_count", &json!({"size": 1})),
        501,
        "unsupported_search",
    )
    .await;
    let (status, _, all) = told(app.client.post(app.url("/v1/documents/geo/cities/_search"))).await;
    assert_eq!((status.as_u16(), all["total"].as_u64()), (200, Some(0)));
}

#[tokio::test]
async fn health_readiness_and_metrics() {
    let app = app().await;
    assert_eq!(told(app.get("/healthz")).await.2["status"], "ok");
    let (status, _, ready) = told(app.get("/readyz")).await;
    assert_eq!(status, 200, "{ready}");
    assert_eq!(ready["components"]["mailbox"]["state"], "ready", "{ready}");
    app.cities().await;
    told(app.post("/v1/operations/document.create", &city("1", "Paris"))).await;
    let text = app
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("consign_gateway_accepted_total 1"), "{text}");
}
