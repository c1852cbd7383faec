//! `consign dev` as a newcomer uses it, and as one who kills what he likes.

use crate::pipeline::{Pipeline, json, run};
use serde_json::{Value, json};
use std::path::Path;

const CITIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/cities.jsonl.gz");
const ALL: u64 = 34_006;
const COLLECTION: [&str; 8] = [
    "--operation",
    "document.createOrReplace",
    "--index",
    "world",
    "--collection",
    "cities",
    "--id",
    "/id",
];

fn mappings() -> Value {
    json!({"properties": {"name": {"type": "keyword"}, "country": {"type": "keyword"}, "population": {"type": "integer"}, "location": {"type": "geo_point"}}})
}

fn load(pipeline: &Pipeline, folder: &Path, more: &[&str]) -> (Value, i32) {
    let arguments: Vec<&str> = [
        "load",
        CITIES,
        "--state",
        "cities.json",
        "--wait",
        "--json",
        "--url",
        &pipeline.url,
    ]
    .into_iter()
    .chain(COLLECTION)
    .chain(more.iter().copied())
    .collect();
    json(&arguments, folder)
}

async fn count(pipeline: &Pipeline) -> u64 {
    pipeline
        .call("POST", "/v1/documents/world/cities/_count", Some(json!({})))
        .await
        .1["count"]
        .as_u64()
        .expect("a count")
}

#[tokio::test]
async fn everything_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let (status, made) = pipeline
        .call(
            "PUT",
            "/v1/collections/world/cities",
            Some(json!({"mappings": mappings()})),
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let atlantis = json!({"index": "world", "collection": "cities", "_id": "atlantis", "body": {"name": "Atlantis", "population": 0}});
    let (status, applied) = pipeline
        .call(
            "POST",
            "/v1/operations/document.create",
            Some(atlantis.clone()),
        )
        .await;
    assert_eq!(
        (status, applied["status"].as_str()),
        (200, Some("applied")),
        "{applied}"
    );
    let (status, problem) = pipeline
        .call("POST", "/v1/operations/document.create", Some(atlantis))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("exists")),
        "{problem}"
    );

    let (shown, code) = json(
        &[
            "request",
            "show",
            applied["request_id"].as_str().unwrap(),
            "--json",
            "--follow",
            "--url",
            &pipeline.url,
        ],
        folder.path(),
    );
    assert_eq!(
        (shown["status"].as_str(), code),
        (Some("applied"), 0),
        "{shown}"
    );
    let (_, code) = json(
        &[
            "request",
            "show",
            problem["request_id"].as_str().unwrap(),
            "--json",
            "--url",
            &pipeline.url,
        ],
        folder.path(),
    );
    assert_eq!(code, 1, "a refused one");
    assert_eq!(
        json(&["health", "--json", "--url", &pipeline.url], folder.path()).1,
        0
    );

    let (summary, code) = load(&pipeline, folder.path(), &[]);
    assert_eq!(
        (
            summary["accepted"].as_u64(),
            summary["refused"].as_u64(),
            code
        ),
        (Some(ALL), Some(0), 0),
        "{summary}"
    );
    assert_eq!(count(&pipeline).await, ALL + 1);
    pipeline.kill9();

    let pipeline = Pipeline::start(folder.path());
    assert_eq!(count(&pipeline).await, ALL + 1);
    let near = json!({"query": {"geo_distance": {"distance": "20km", "location": {"lat": 48.8584, "lon": 2.2945}}}, "sort": [{"population": "desc"}], "size": 1});
    let (_, found) = pipeline
        .call("POST", "/v1/documents/world/cities/_search", Some(near))
        .await;
    assert_eq!(found["hits"][0]["_source"]["name"], "Paris", "{found}");
    let (again, _) = load(&pipeline, folder.path(), &[]);
    assert_eq!(
        (again["accepted"].as_u64(), again["before"].as_u64()),
        (Some(0), Some(ALL)),
        "it was done before"
    );
    assert_eq!(pipeline.terminate().code(), Some(0));
}

#[tokio::test]
async fn a_load_goes_on_where_a_kill_stopped_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let mut loading = crate::pipeline::consign(
        &[
            "load",
            CITIES,
            "--state",
            "cities.json",
            "--create",
            "--json",
            "--chunk",
            "500",
            "--url",
            &pipeline.url,
        ],
        folder.path(),
    );
    let mut loading = loading
        .args(COLLECTION)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let state = folder.path().join("cities.json");
    let lines = || {
        std::fs::read(&state)
            .ok()
            .and_then(|text| serde_json::from_slice::<Value>(&text).ok()?["lines"].as_u64())
            .unwrap_or(0)
    };
    while lines() < 2_000 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    pipeline.kill9();
    loading.kill().unwrap();
    loading.wait().unwrap();
    let before = lines();
    assert!(before < ALL, "it was too fast to be stopped in the middle");

    let pipeline = Pipeline::start(folder.path());
    let (summary, code) = load(&pipeline, folder.path(), &["--create", "--chunk", "500"]);
    assert_eq!(
        (summary["before"].as_u64(), code),
        (Some(before), 0),
        "{summary}"
    );
    assert_eq!(summary["accepted"].as_u64(), Some(ALL - before));
    assert_eq!(count(&pipeline).await, ALL);
    assert_eq!(pipeline.terminate().code(), Some(0));
}

#[tokio::test]
async fn a_folder_is_held_by_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let output = run(
        &["dev", "--data", "data", "--listen", "127.0.0.1:0"],
        folder.path(),
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && text.contains("in use by another process"),
        "{text}"
    );
    let migrate = run(&["catalog", "migrate"], folder.path());
    assert!(
        migrate.status.code() == Some(1)
            && String::from_utf8_lossy(&migrate.stderr).contains("stop that first")
    );
    // What only looks works beside it.
    let list = run(&["dlq", "list", "--url", &pipeline.url], folder.path());
    assert_eq!(String::from_utf8_lossy(&list.stdout), "no dead letters\n");
    let address = pipeline.url.trim_start_matches("http://");
    let (doctor, code) = json(
        &[
            "doctor",
            "--json",
            "--set",
            &format!("gateway.listen={address}"),
        ],
        folder.path(),
    );
    assert!(
        code == 0
            && doctor["findings"]
                .as_array()
                .unwrap()
                .iter()
                .any(|finding| finding["about"] == "write-worker"),
        "{doctor}"
    );
    assert_eq!(pipeline.terminate().code(), Some(0));
    // And when it is gone, all of it can be had.
    assert!(run(&["catalog", "migrate"], folder.path()).status.success());
    assert!(run(&["topics", "check"], folder.path()).status.success());
    assert_eq!(json(&["doctor", "--json"], folder.path()).1, 0);
}

#[tokio::test]
async fn the_secret_is_its_owners_and_two_signals_end_it_at_once() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    let mode = std::fs::metadata(folder.path().join("data/secret"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let made = std::fs::read(folder.path().join("data/secret")).unwrap();
    drop(pipeline);
    let pipeline = Pipeline::start(folder.path());
    assert_eq!(
        std::fs::read(folder.path().join("data/secret")).unwrap(),
        made
    );
    // A taken port is told before the folder is touched.
    let address = pipeline.url.trim_start_matches("http://").to_owned();
    let output: std::process::Output = crate::pipeline::consign(
        &["dev", "--data", "other", "--listen", &address],
        folder.path(),
    )
    .output()
    .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && text.contains("cannot listen on"),
        "{text}"
    );
    assert!(!folder.path().join("other").exists());
}
