//! Jobs that replay: letters are prepared side by side, and each is moved once, in its order.

use crate::{
    harness::{App, Builder, told},
    slow_record::{LookUps, SlowRecord},
};
use catalog::Catalog;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const DEFINITIONS: &str = "\
collections:
  - {index: letters, collection: documents, owner: letter, mappings: {properties: {}}}

operations:
  - name: letter.put
    summary: Puts a document; one without a body becomes a dead letter.
    request:
      type: object
      required: [id]
      additionalProperties: false
      properties:
        id: {type: string, format: document-id}
        body: {type: object}
    raw: [body]
    key: {of: letter, id: $request/id}
    write:
      - document: {index: letters, collection: documents, id: $request/id}
        put: $request/body
    result: {_id: $written/document/id, _version: $written/document/version}
    examples:
      - title: A document
        request: {id: a, body: {n: 1}}
";

const LETTERS: usize = 100;

async fn until(app: &App, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, _, answer) = told(app.get(path)).await;
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < until, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_of_a_job_are_prepared_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letter.yaml"), DEFINITIONS).unwrap();
    let reads = Arc::<LookUps>::default();
    let given = reads.clone();
    let app = Builder {
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, given))),
        catalog: Catalog::load(&[folder.path().to_owned()]).unwrap(),
        ..Builder::default()
    }
    .start()
    .await;
    for n in 0..LETTERS {
        let put = app.post("/v1/operations/letter.put", &json!({"id": format!("k{n}")}));
        let (status, _, answer) = told(put).await;
        assert_eq!(status.as_u16(), 202, "{answer}");
    }
    until(&app, "/v1/dead-letters?limit=1", |answer| {
        answer["count"] == LETTERS
    })
    .await;

    reads.read_rows_in(Duration::from_millis(30));
    let patch = json!([{"op": "add", "path": "/body", "value": {"n": 1}}]);
    let order = json!({"select": {"all": true}, "reason": "a test", "patch": patch});
    let (status, _, job) = told(app.post("/v1/replays", &order)).await;
    assert!(status.is_success(), "{job}");
    let path = format!("/v1/replays/{}?limit=100", job["id"].as_str().unwrap());
    let job = until(&app, &path, |job| job["state"] == "done").await;
    assert_eq!(job["counts"], json!({"applied": LETTERS}), "{job}");
    let previews = job["items"].as_array().unwrap().iter();
    let previewed = previews.filter(|item| item["preview"]["verdict"] == "applied");
    assert_eq!(previewed.count(), LETTERS);
    let together = reads.most_rows_together();
    assert!((2..=3).contains(&together), "{together} at a time");
}
