//! `consign audit` on the embedded default: asked of the process that holds the folder, and by
//! itself when there is none; what is planted in the store is named.

use crate::pipeline::{Pipeline, json, run};
use event_schema::{mutation::DocumentKey, position::Version};
use serde_json::{Value, json};
use std::path::Path;
use store::{DocumentWrite, Record, document::Write};

async fn create(pipeline: &Pipeline, id: &str) {
    let body = json!({"index": "world", "collection": "cities", "_id": id, "body": {"name": id}});
    let written = pipeline
        .call("POST", "/v1/operations/document.create", Some(body))
        .await;
    assert_eq!(written.0, 200, "{}", written.1);
}

async fn key(record: &dyn Record, id: &str) -> DocumentKey {
    let collection = record.collection("world", "cities").await.unwrap().unwrap();
    DocumentKey {
        index: collection.index,
        collection: collection.collection,
        incarnation: collection.incarnation,
        id: id.into(),
    }
}

fn found(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found: Vec<_> = findings
        .map(|one| (text(&one["kind"]), text(&one["key"])))
        .collect();
    found.sort();
    found
}

/// A version raised by hand, and a document that no record of the log wrote.
async fn plant(folder: &Path) {
    let data = standalone::folder::Folder::open(folder.join("data"));
    let data = data.await.unwrap();
    let paris = key(data.record.as_ref(), "paris").await;
    let stored = data.record.documents(std::slice::from_ref(&paris)).await;
    let stored = stored.unwrap().remove(0).unwrap();
    let mut raised = DocumentWrite {
        key: paris,
        meta: stored.meta,
        body: stored.body,
        diverged: false,
        purged: false,
    };
    raised.meta.version = Version(raised.meta.version.0 + 1);
    let mut stranger = raised.clone();
    stranger.key.id = "atlantis".into();
    let writes = [Write::Document(raised), Write::Document(stranger)];
    data.record.apply(&writes).await;
    data.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_of_a_running_pipeline_and_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let made = pipeline
        .call("PUT", "/v1/collections/world/cities", Some(json!({})))
        .await;
    assert_eq!(made.0, 201, "{}", made.1);
    for n in 0..50 {
        create(&pipeline, &format!("c{n}")).await;
    }
    create(&pipeline, "paris").await;
    let asked = ["audit", "--json", "--url", &pipeline.url];
    let (report, code) = json(&asked, folder.path());
    assert_eq!((found(&report), code), (vec![], 0), "{report}");
    assert!(
        report["counts"]["documents"].as_u64() >= Some(51),
        "{report}"
    );

    // It could not look: another process holds the folder, and none answers where dev listens.
    let elsewhere = ["audit", "--url", "http://127.0.0.1:9"];
    assert_eq!(run(&elsewhere, folder.path()).status.code(), Some(3));
    drop(pipeline);
    let (report, code) = json(&["audit", "--json"], folder.path());
    assert_eq!((found(&report), code), (vec![], 0), "{report}");

    plant(folder.path()).await;
    let expected = [
        "document world/cities/atlantis",
        "document world/cities/paris",
    ];
    let expected = expected.map(|key| ("extra".to_owned(), key.to_owned()));
    let checkpoint = ["audit", "--json", "--checkpoint", "audit.json"];
    let (report, code) = json(&checkpoint, folder.path());
    assert_eq!((found(&report), code), (expected.to_vec(), 1), "{report}");
    let resumed = ["audit", "--json", "--checkpoint", "audit.json", "--resume"];
    let (again, code) = json(&resumed, folder.path());
    assert_eq!((found(&again), code), (expected.to_vec(), 1), "{again}");

    let pipeline = Pipeline::start(folder.path());
    let asked = ["audit", "--url", &pipeline.url];
    let told = run(&asked, folder.path());
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(
        text.contains("2 extra") && text.contains("atlantis"),
        "{text}"
    );

    // Mended by the worker, after which nothing differs.
    let unasked = run(&["repair", "--url", &pipeline.url], folder.path());
    assert_eq!(unasked.status.code(), Some(2), "there is no one to ask");
    let mend = ["repair", "--yes", "--json", "--url", &pipeline.url];
    let (told, code) = json(&mend, folder.path());
    assert_eq!(code, 0, "{told}");
    assert_eq!((&told["found"], &told["asked"]), (&json!(2), &json!(2)));
    let read = |id: &str| format!("/v1/documents/world/cities/{id}");
    let paris = pipeline.call("GET", &read("paris"), None).await;
    assert_eq!(
        (paris.0, &paris.1["_version"]),
        (200, &json!(1)),
        "{}",
        paris.1
    );
    assert_eq!(pipeline.call("GET", &read("atlantis"), None).await.0, 404);
}
