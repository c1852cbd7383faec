//! A client's retry is not a second write: from memory, from the ledger, from another gateway.

use crate::harness::{app, city, log_only, problem, told};
use gateway::Config;
use serde_json::{Value, json};

const CREATE: &str = "/v1/operations/document.create";

fn nameless() -> serde_json::Value {
    json!({"index": "geo", "collection": "cities", "body": {"name": "Paris"}})
}

#[tokio::test]
async fn a_true_repeat_gets_the_first_answer() {
    let app = app().await;
    app.cities().await;
    let send = || {
        app.post(CREATE, &nameless())
            .header("idempotency-key", "\"k-1\"")
            .header("prefer", "wait=20")
    };
    let (status, _, first) = told(send()).await;
    assert_eq!(status, 200, "{first}");
    let (status, _, second) = told(send()).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&first["request_id"], &first["result"]),
        (&second["request_id"], &second["result"])
    );
    assert_eq!(app.events().await.len(), 1);
    let (status, _, third) = told(
        app.post(CREATE, &nameless())
            .header("idempotency-key", "k-1"),
    )
    .await;
    assert_eq!(
        (status.as_u16(), &third["request_id"]),
        (202, &first["request_id"])
    );
}

#[tokio::test]
async fn another_body_under_the_key_is_refused() {
    let app = log_only().await;
    app.cities().await;
    told(
        app.post(CREATE, &city("1", "x"))
            .header("idempotency-key", "k"),
    )
    .await;
    problem(
        app.post(CREATE, &city("1", "y"))
            .header("idempotency-key", "k"),
        422,
        "idempotency_key_reused",
    )
    .await;
    // Another operation is another scope.
    let other = app
        .post("/v1/operations/document.createOrReplace", &city("1", "y"))
        .header("idempotency-key", "k");
    assert_eq!(told(other).await.0, 202);
}

#[tokio::test]
async fn a_request_that_was_never_accepted_leaves_its_key_free() {
    let app = log_only().await;
    app.cities().await;
    let bad = json!({"index": "geo", "collection": "cities"});
    problem(
        app.post(CREATE, &bad).header("idempotency-key", "k"),
        422,
        "invalid",
    )
    .await;
    assert_eq!(
        told(
            app.post(CREATE, &city("1", "x"))
                .header("idempotency-key", "k")
        )
        .await
        .0,
        202
    );
}

#[tokio::test]
async fn another_gateway_knows_it_too() {
    let app = app().await;
    app.cities().await;
    let other = app.sibling(Config::default()).await;
    let (_, _, first) = told(
        app.post(CREATE, &nameless())
            .header("idempotency-key", "k")
            .header("prefer", "wait=20"),
    )
    .await;
    let there = |body| {
        app.client
            .post(format!("http://{other}{CREATE}"))
            .json(&body)
            .header("idempotency-key", "k")
            .header("prefer", "wait=20")
    };
    let (status, _, second) = told(there(nameless())).await;
    assert_eq!(
        (status.as_u16(), &second["request_id"], &second["result"]),
        (200, &first["request_id"], &first["result"]),
        "{second}"
    );
    assert_eq!(
        app.events().await.len(),
        1,
        "found in the ledger, not sent again"
    );
    let refused = app
        .client
        .post(format!("http://{other}{CREATE}"))
        .json(&city("1", "z"))
        .header("idempotency-key", "other")
        .header("prefer", "wait=20");
    assert_eq!(told(refused).await.0, 200);
    let reused = app
        .post(CREATE, &city("2", "w"))
        .header("idempotency-key", "other")
        .header("prefer", "wait=20");
    problem(reused, 422, "idempotency_key_reused").await;
}

#[tokio::test]
async fn many_documents_under_one_key() {
    let app = app().await;
    app.cities().await;
    let documents = json!([{"body": {"name": "a"}}, {"body": {"name": "b"}}]);
    let send = || {
        let request = json!({"index": "geo", "collection": "cities", "documents": documents});
        app.post("/v1/operations/document.mCreate", &request)
            .header("idempotency-key", "k")
            .header("prefer", "wait=20")
    };
    let facts = |answer: Value| -> Vec<Value> {
        let items = answer["items"].as_array().expect("items").clone();
        items.into_iter().map(without_token).collect()
    };
    let (first, second) = (told(send()).await.2, told(send()).await.2);
    assert_eq!(facts(first), facts(second));
    assert_eq!(app.events().await.len(), 2);
}

/// A token says when its answer was given, so two answers about one write may differ in it.
fn without_token(mut item: Value) -> Value {
    let fields = item.as_object_mut().expect("an item is an object");
    assert!(fields.remove("token").is_some(), "{fields:?}");
    item
}
