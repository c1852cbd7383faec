//! Jobs of more dead letters than one step moves and one chunk keeps, killed with their gateway on the
//! way: each letter is moved once, and each has its own end.

use crate::{
    dlq::{dlq, prepare},
    pipeline::Pipeline,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// Two steps and a part of one; the last chunk is not full.
const LETTERS: usize = 1_130;

/// One request for each tally.
async fn bulk(pipeline: &Pipeline, operation: &str, request: impl Fn(String) -> Value) {
    let lines = (0..LETTERS).map(|n| format!("{}\n", request(format!("t{n}"))));
    let url = format!("{}/v1/operations/{operation}/_bulk", pipeline.url);
    let sent = reqwest::Client::new().post(url);
    let sent = sent.header("content-type", "application/x-ndjson");
    let sent = sent.body(lines.collect::<String>()).send().await.unwrap();
    let text = sent.text().await.unwrap();
    let summary: Value =
        serde_json::from_str(text.trim_end().rsplit('\n').next().unwrap()).unwrap();
    assert_eq!(summary["summary"]["accepted"], LETTERS, "{summary}");
}

/// Looks until what `seen` sees is there.
async fn until(pipeline: &Pipeline, path: &str, seen: impl Fn(&Value) -> bool) -> Value {
    let mut answer = Value::Null;
    for _ in 0..800 {
        answer = pipeline.call("GET", path, None).await.1;
        if seen(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path}: {answer}");
}

#[tokio::test]
async fn a_job_of_several_steps_that_is_killed_between_them_moves_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let settings = folder.join("consign.toml");
    let known = std::fs::read_to_string(&settings).unwrap();
    // So many of one cause would wait at their place.
    std::fs::write(settings, format!("{known}[worker]\nflood_limit = 0\n")).unwrap();
    let pipeline = Pipeline::start(folder);
    bulk(&pipeline, "tally.set", |id| json!({"id": id, "n": 1})).await;
    bulk(&pipeline, "tally.add", |id| json!({"id": id, "by": "two"})).await;
    bulk(&pipeline, "tally.add", |id| json!({"id": id, "by": 10})).await;
    let all_dead = |answer: &Value| answer["count"] == LETTERS;
    until(&pipeline, "/v1/dead-letters?limit=1", all_dead).await;

    let order = json!({"select": {"all": true}, "reason": "mended",
        "patch": [{"op": "replace", "path": "/by", "value": 2}]});
    let (code, job) = pipeline.call("POST", "/v1/replays", Some(order)).await;
    assert_eq!(code, 202, "{job}");
    let id = job["id"].as_str().unwrap();
    let path = format!("/v1/replays/{id}");
    let begun = |job: &Value| job["done"].as_u64() > Some(0);
    let killed = until(&pipeline, &path, begun).await;
    assert!(killed["done"].as_u64() < Some(LETTERS as u64), "{killed}");
    pipeline.kill9();

    let pipeline = Pipeline::start(folder);
    let (items, code) = dlq(&pipeline, folder, &["job", id, "--follow"]);
    let other = items.iter().find(|item| item["status"] != "applied");
    assert_eq!((items.len(), code, other), (LETTERS, 0, None));
    let requests: BTreeSet<&str> = items
        .iter()
        .filter(|item| item["status"] == "applied")
        .filter_map(|item| item["request_id"].as_str())
        .collect();
    assert_eq!(requests.len(), LETTERS, "each is there once, and applied");
    let job = pipeline.call("GET", &path, None).await.1;
    assert_eq!(job["counts"], json!({"applied": LETTERS}));
    let keys: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| item["key"].as_str())
        .collect();
    assert_eq!(keys.len(), LETTERS, "no item is another's");
    for n in [0, 63, 99, 100, 499, 500, 501, 999, 1_000, LETTERS - 1] {
        let path = format!("/v1/documents/shop/tallies/t{n}");
        let is_whole = |found: &Value| found["_source"]["n"] == 13;
        let found = until(&pipeline, &path, is_whole).await;
        assert_eq!(found["_version"], 3, "each write counts once: {found}");
    }
}
