//! `consign dev` goes by changed definitions after SIGHUP, without a restart.

use crate::pipeline::Pipeline;
use serde_json::json;
use std::{
    process::Command,
    time::{Duration, Instant},
};

const MEMO: &str = "
tables:
  - {name: memo, owner: memo, partition_key: [id], columns: {id: text, title: text}}
operations:
  - name: memo.put
    summary: Keeps a memo.
    request: {type: object, required: [id, title], additionalProperties: false, properties: {id: {type: string}, title: {type: string}}}
    key: {of: memo, id: $request/id}
    write: [{row: {table: memo, key: {id: $request/id}}, put: {title: $request/title}}]
    examples: [{title: One, request: {id: m1, title: Lenses}}]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_asks_for_the_catalog_to_be_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("own");
    std::fs::create_dir(&own).expect("a folder");
    let settings = "[catalog]\nfolders = [\"own\"]\n";
    std::fs::write(folder.path().join("consign.toml"), settings).expect("settings");
    let pipeline = Pipeline::start(folder.path());
    let body = json!({"id": "m1", "title": "Lenses"});
    let path = "/v1/operations/memo.put";
    let (status, _) = pipeline.call("POST", path, Some(body.clone())).await;
    assert_eq!(status, 404);

    std::fs::write(own.join("memo.yaml"), MEMO).expect("definitions");
    let pid = pipeline.id().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(sent.expect("kill").success());
    let deadline = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        let (status, answer) = pipeline.call("POST", path, Some(body.clone())).await;
        if status != 404 {
            break answer;
        }
        assert!(Instant::now() < deadline, "it was not read again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(answer["status"], "applied", "{answer:#}");
    let (_, row) = pipeline.call("GET", "/v1/tables/memo/m1", None).await;
    assert_eq!(row["title"], "Lenses");
}
