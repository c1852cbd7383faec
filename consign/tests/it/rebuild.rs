//! `consign rebuild` on the embedded default: a record that was lost is made again from the log.

use crate::pipeline::{Pipeline, json, run};
use serde_json::json;
use standalone::folder::Folder;
use std::path::Path;
use store::Collection;

async fn open(folder: &Path) -> Folder {
    Folder::open(folder.join("data")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_lost_is_made_again_from_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let path = "/v1/collections/world/cities";
    let made = pipeline.call("PUT", path, Some(json!({}))).await;
    assert_eq!(made.0, 201, "{}", made.1);
    for n in 0..20 {
        let id = format!("c{n}");
        let body = json!({"index": "world", "collection": "cities", "_id": id, "body": {"n": n}});
        let create = "/v1/operations/document.create";
        let written = pipeline.call("POST", create, Some(body)).await;
        assert_eq!(written.0, 200, "{}", written.1);
    }
    let held = ["rebuild", "--store", "record", "--json"];
    let told = run(&held, folder.path());
    assert_eq!(told.status.code(), Some(1), "the folder is held");
    pipeline.terminate();

    let data = open(folder.path()).await;
    let collections: Vec<Collection> = data.record.collections().await.unwrap();
    data.close().await;
    std::fs::remove_dir_all(folder.path().join("data/store")).unwrap();
    let data = open(folder.path()).await;
    data.record.migrate(&[]).await.unwrap();
    for collection in &collections {
        data.record.create_collection(collection).await.unwrap();
    }
    data.close().await;

    let view = run(&["rebuild", "--json"], folder.path());
    assert_eq!(view.status.code(), Some(2), "there is no view of its own");
    let dry = ["rebuild", "--store", "record", "--dry-run", "--json"];
    let (report, code) = json(&dry, folder.path());
    assert_eq!(
        (&report["counts"]["differing"], code),
        (&json!(20), 0),
        "{report}"
    );
    let named = ["rebuild", "--store", "record", "--index", "world", "--json"];
    let checkpoint = [&named[..], &["--checkpoint", "rebuild.json"]].concat();
    let (report, code) = json(&checkpoint, folder.path());
    assert_eq!((&report["is_done"], code), (&json!(true), 0), "{report}");
    assert_eq!(report["counts"]["documents"], 20, "{report}");
    let resumed = [&checkpoint[..], &["--resume"]].concat();
    let (again, code) = json(&resumed, folder.path());
    assert_eq!((&again["counts"], code), (&report["counts"], 0), "{again}");
    let (report, _) = json(&dry, folder.path());
    assert_eq!(report["counts"]["differing"], 0, "{report}");

    let pipeline = Pipeline::start(folder.path());
    let path = "/v1/documents/world/cities/c7";
    let read = pipeline.call("GET", path, None).await;
    assert_eq!(
        (read.0, &read.1["_source"]),
        (200, &json!({"n": 7})),
        "{}",
        read.1
    );
}
