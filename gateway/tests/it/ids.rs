//! Ids of a collection, a page at a time: what goes on behind which, and how many read at once.

use crate::{
    harness::{App, Builder, app, city, problem, told},
    slow_record::{LookUps, SlowRecord},
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

fn ids(app: &App, page: &Value) -> RequestBuilder {
    app.post("/v1/documents/geo/cities/_ids", page)
}

#[tokio::test]
async fn a_page_goes_on_behind_an_id_and_behind_nothing_else() {
    let app = app().await;
    app.cities().await;
    for id in ["1", "2", "3"] {
        let created = app.post("/v1/operations/document.create", &city(id, "Paris"));
        let (status, _, answer) = told(created.header("prefer", "wait=10")).await;
        assert!(status.is_success(), "{answer}");
    }
    let (_, _, first) = told(ids(&app, &json!({"limit": 2}))).await;
    let (_, _, second) = told(ids(&app, &json!({"limit": 2, "behind": first["ids"][1]}))).await;
    let pages = [&first, &second].map(|page| page["ids"].as_array().unwrap().clone());
    let mut all = pages.concat();
    all.sort_by_key(Value::to_string);
    assert_eq!(all, ["1", "2", "3"], "{first} {second}");

    for behind in [String::new(), "x".repeat(513), "x".repeat(70_000)] {
        let found = problem(ids(&app, &json!({"behind": behind})), 422, "bad_name").await;
        assert_eq!(found["pointer"], "/behind", "{found}");
    }
}

#[tokio::test]
async fn no_more_pages_are_read_at_once_than_are_let() {
    let reads = Arc::<LookUps>::default();
    let given = reads.clone();
    let app = Builder {
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, given))),
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let turns = Arc::new(Semaphore::new(0));
    reads.scan_in_turns(turns.clone());
    let held = [(); 2].map(|()| tokio::spawn(told(ids(&app, &json!({})))));
    while reads.waiting() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = ids(&app, &json!({})).timeout(Duration::from_secs(10));
    problem(refused, 429, "overloaded").await;
    turns.add_permits(2);
    for page in held {
        let (status, _, page) = page.await.unwrap();
        assert_eq!((status.as_u16(), page), (200, json!({"ids": []})));
    }
    let (status, _, page) = told(ids(&app, &json!({}))).await;
    assert!(status.is_success(), "{page}");
}
