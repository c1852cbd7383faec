//! `consign load`: what is refused, what is retried, what is never doubled.

use crate::pipeline::{Pipeline, json, run};
use serde_json::json;

#[tokio::test]
async fn refusals_are_summed_up_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    std::fs::write(
        folder.path().join("notes.jsonl"),
        "{\"n\":1}\n\nnonsense\n{\"n\":2}\n[1]\n",
    )
    .unwrap();
    let arguments = [
        "load",
        "notes.jsonl",
        "--operation",
        "document.create",
        "--index",
        "demo",
        "--collection",
        "notes",
        "--create",
        "--json",
        "--wait",
        "--url",
        &pipeline.url,
    ];
    let (summary, code) = json(&arguments, folder.path());
    assert_eq!(
        (
            summary["accepted"].as_u64(),
            summary["refused"].as_u64(),
            code
        ),
        (Some(2), Some(2), 1),
        "{summary}"
    );
    let lines: Vec<_> = summary["first_refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| refusal["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [3, 5]);
    // Ids were made by the gateway: the same line again doubles nothing, afresh means once more.
    let count = async || {
        pipeline
            .call("POST", "/v1/documents/demo/notes/_count", Some(json!({})))
            .await
            .1["count"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(count().await, 2);
    json(&arguments, folder.path());
    assert_eq!(count().await, 2);
    let afresh: Vec<&str> = arguments.into_iter().chain(["--afresh"]).collect();
    json(&afresh, folder.path());
    assert_eq!(count().await, 4);
}

/// The acknowledgement of a chunk was lost: the chunk is sent again under its own keys.
#[tokio::test]
async fn a_chunk_that_is_sent_again_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    std::fs::write(
        folder.path().join("notes.jsonl"),
        (0..50)
            .map(|n| format!("{{\"n\":{n}}}\n"))
            .collect::<String>(),
    )
    .unwrap();
    let arguments = [
        "load",
        "notes.jsonl",
        "--operation",
        "document.create",
        "--index",
        "demo",
        "--collection",
        "notes",
        "--create",
        "--json",
        "--wait",
        "--chunk",
        "10",
        "--url",
        &pipeline.url,
    ];
    json(&arguments, folder.path());
    let state = folder.path().join("notes.jsonl.load.json");
    let mut kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    (kept["lines"], kept["done"]) = (20.into(), false.into());
    std::fs::write(&state, kept.to_string()).unwrap();
    let (summary, code) = json(&arguments, folder.path());
    assert_eq!(
        (summary["accepted"].as_u64(), code),
        (Some(30), 0),
        "{summary}"
    );
    let (_, counted) = pipeline
        .call("POST", "/v1/documents/demo/notes/_count", Some(json!({})))
        .await;
    assert_eq!(counted["count"], 50);
}

#[tokio::test]
async fn whole_requests_and_wrong_operations() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline::start(folder.path());
    pipeline
        .call("PUT", "/v1/collections/demo/notes", None)
        .await;
    let line = |id: u32| {
        json!({"index": "demo", "collection": "notes", "_id": id.to_string(), "body": {"n": id}})
            .to_string()
            + "\n"
    };
    std::fs::write(
        folder.path().join("requests.jsonl"),
        (0..5).map(line).collect::<String>(),
    )
    .unwrap();
    let (summary, code) = json(
        &[
            "load",
            "requests.jsonl",
            "--operation",
            "document.create",
            "--json",
            "--url",
            &pipeline.url,
        ],
        folder.path(),
    );
    assert_eq!((summary["accepted"].as_u64(), code), (Some(5), 0));
    let output = run(
        &[
            "load",
            "requests.jsonl",
            "--operation",
            "document.creat",
            "--state",
            "s",
            "--url",
            &pipeline.url,
        ],
        folder.path(),
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && text.contains("404"),
        "{text}"
    );
}

#[test]
fn a_gateway_that_is_away_is_told_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jsonl"), "{}\n").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{free}");
    let output = run(
        &[
            "load",
            "a.jsonl",
            "--operation",
            "document.create",
            "--patience",
            "1",
            "--url",
            &url,
        ],
        folder.path(),
    );
    assert_eq!(
        output.status.code(),
        Some(3),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        run(
            &["load", "nowhere.jsonl", "--operation", "x"],
            folder.path()
        )
        .status
        .code(),
        Some(2)
    );
}
