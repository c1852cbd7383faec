//! `consign purge markers` on the embedded default: what is old enough goes from the store, the audit
//! stays clean, and the history knows of it.

use crate::pipeline::{Pipeline, json, run};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

async fn write(pipeline: &Pipeline, operation: &str, id: &str) {
    let mut request = json!({"index": "world", "collection": "cities", "_id": id});
    if operation != "document.delete" {
        request["body"] = json!({"name": id});
    }
    let path = format!("/v1/operations/{operation}");
    let (status, answer) = pipeline.call("POST", &path, Some(request)).await;
    assert_eq!(status, 200, "{answer}");
}

fn start(folder: &Path, settings: &str) -> Pipeline {
    std::fs::write(folder.join("consign.toml"), settings).unwrap();
    Pipeline::start(folder)
}

fn purge(pipeline: &Pipeline, folder: &Path, more: &[&str]) -> Value {
    let own = ["purge", "markers", "--json", "--url", &pipeline.url];
    let arguments: Vec<&str> = [&own[..], more].concat();
    let (report, code) = json(&arguments, folder);
    assert_eq!(code, 0, "{report}");
    report
}

/// Until marks stand behind all that was deleted.
async fn purge_all(pipeline: &Pipeline, folder: &Path, count: u64) -> Value {
    let (mut purged, mut last) = (0, Value::Null);
    for _ in 0..100 {
        last = purge(pipeline, folder, &["--older-than", "0s", "--yes"]);
        purged += last["purged"].as_u64().unwrap();
        if purged == count {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{purged} of {count}: {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markers_are_purged_and_an_audit_stays_clean() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pipeline = start(folder, "[worker]\nmarkers_kept_ms = 0\n");
    for collection in ["cities", "towns"] {
        let path = format!("/v1/collections/world/{collection}");
        let made = pipeline.call("PUT", &path, Some(json!({}))).await;
        assert_eq!(made.0, 201, "{}", made.1);
    }
    for n in 0..30 {
        write(&pipeline, "document.create", &format!("c{n}")).await;
    }
    for n in 0..20 {
        write(&pipeline, "document.delete", &format!("c{n}")).await;
    }
    let (_, ready) = pipeline.call("GET", "/readyz", None).await;
    assert!(ready.to_string().contains("markers_kept_ms"), "{ready}");

    let unasked = run(&["purge", "markers", "--url", &pipeline.url], folder);
    assert_eq!(unasked.status.code(), Some(2), "there is no one to ask");
    let young = purge(&pipeline, folder, &["--yes"]);
    assert_eq!((&young["found"], &young["purged"]), (&json!(20), &json!(0)));
    assert_eq!(young["left"], json!({"it is too young": 20}));
    let dry = purge(&pipeline, folder, &["--older-than", "0s", "--dry-run"]);
    assert_eq!((&dry["asked"], &dry["purged"]), (&json!(20), &json!(0)));
    let none = purge(
        &pipeline,
        folder,
        &["--older-than", "0s", "--yes", "--collection", "towns"],
    );
    assert_eq!((&none["found"], &none["purged"]), (&json!(0), &json!(0)));

    purge_all(&pipeline, folder, 20).await;
    let again = purge(
        &pipeline,
        folder,
        &["--older-than", "0s", "--yes", "--rate", "7"],
    );
    assert_eq!(again["found"], json!(0), "{again}");
    let (report, code) = json(&["audit", "--json", "--url", &pipeline.url], folder);
    assert_eq!(code, 0, "{report}");

    // What is made again begins anew; the history tells of all of it.
    let read = "/v1/documents/world/cities/c0";
    assert_eq!(pipeline.call("GET", read, None).await.0, 404);
    write(&pipeline, "document.create", "c0").await;
    let (status, found) = pipeline.call("GET", read, None).await;
    assert_eq!((status, &found["_version"]), (200, &json!(1)), "{found}");
    let (_, history) = pipeline
        .call("GET", &format!("{read}/_history"), None)
        .await;
    let entries = history["entries"].as_array().unwrap().iter();
    let told: Vec<&str> = entries
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["create", "delete", "purge", "create"], "{history}");
    let purged_at = history["entries"][2]["time"].as_str().unwrap();
    let then = format!("{read}?at={purged_at}");
    assert_eq!(pipeline.call("GET", &then, None).await.0, 404);

    // From the log alone the store is what it was.
    drop(pipeline);
    let (report, code) = json(&["audit", "--json"], folder);
    assert_eq!(code, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_markers_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = start(folder.path(), "");
    let path = "/v1/collections/world/cities";
    pipeline.call("PUT", path, Some(json!({}))).await;
    for n in 0..5 {
        write(&pipeline, "document.create", &format!("c{n}")).await;
        write(&pipeline, "document.delete", &format!("c{n}")).await;
    }
    let page = async |order: Value| {
        let path = "/v1/markers/_purge";
        pipeline.call("POST", path, Some(order)).await
    };
    let mut order = json!({"limit": 2, "dry_run": true, "older_than_ms": 0});
    let mut sizes = Vec::new();
    loop {
        let (status, answer) = page(order.clone()).await;
        assert_eq!(status, 200, "{answer}");
        sizes.push(answer["found"].as_u64().unwrap());
        match answer["next"].as_str() {
            Some(next) => order["behind"] = next.into(),
            None => break,
        }
    }
    assert_eq!(sizes.iter().sum::<u64>(), 5, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 2), "{sizes:?}");
    for wrong in [
        json!({"limit": 0}),
        json!({"limit": 1001}),
        json!({"older_than_ms": -1}),
        json!({"behind": "m1"}),
        json!({"colection": "cities"}),
    ] {
        let (status, answer) = page(wrong).await;
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("invalid")),
            "{answer}"
        );
    }
}
