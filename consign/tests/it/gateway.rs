//! `consign gateway` without its servers: it serves what it can, and says what is missing.

use crate::pipeline::consign;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts one on a free port, its brokers and nodes nowhere; returns its address.
fn start(folder: &Path) -> (Killed, String) {
    let settings = [
        "gateway",
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.kind=kafka",
        "--set",
        "record.kind=cassandra",
        "--set",
        "view.kind=none",
        "--set",
        "kafka.brokers=[\"127.0.0.1:1\"]",
        "--set",
        "cassandra.nodes=[\"127.0.0.1:1\"]",
        "--set",
        "secret.value=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    ];
    let mut command = consign(&settings, folder);
    command.env("CONSIGN_LOG", "info").stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
    let mut seen = Vec::new();
    let address = loop {
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("it ended: {seen:?}"))
            .expect("text");
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        if told["message"] == "the gateway listens" {
            break told["address"].as_str().expect("an address").to_owned();
        }
        seen.push(line);
    };
    // What it says from now on is not read, and must not block it.
    std::thread::spawn(move || lines.for_each(drop));
    (Killed(child), format!("http://{address}"))
}

#[tokio::test]
async fn it_starts_while_its_servers_are_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_gateway, url) = start(folder.path());
    let client = reqwest::Client::new();
    let get = |path: &str| client.get(format!("{url}{path}")).send();
    assert_eq!(get("/healthz").await.expect("an answer").status(), 200);
    let mut named = Value::Null;
    for _ in 0..100 {
        let answer = get("/readyz").await.expect("an answer");
        assert_eq!(answer.status(), 503);
        named = answer.json().await.expect("a report");
        if named["components"]["log"]["state"] == "missing" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(named["components"]["log"]["state"], "missing", "{named}");
    let message = serde_json::json!({"index": "i", "collection": "c", "body": {"n": 1}});
    let write = client.post(format!("{url}/v1/operations/realtime.publish"));
    let answer = write.json(&message).send().await.expect("an answer");
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.status(), 503);
    let problem: Value = answer.json().await.expect("a problem");
    // Whether callers must show who they are is not known without the record store.
    assert_eq!(problem["code"], "security_stale", "{problem}");
}
