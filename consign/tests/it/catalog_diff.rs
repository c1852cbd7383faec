//! `consign catalog diff`: what changed definitions would have made of events that were recorded.

use crate::pipeline::{Pipeline, json, run};
use serde_json::json;
use std::path::Path;

/// A counter that is set and raised: what it becomes hangs on what it was.
const COUNTER: &str = "
tables:
  - {name: counter, owner: counter, partition_key: [id], columns: {id: text, value: int, by: int}}
operations:
  - name: counter.raise
    summary: Raises a counter.
    request: {type: object, required: [id, by], additionalProperties: false, properties: {id: {type: string}, by: {type: integer}}}
    key: {of: counter, id: $request/id}
    let:
      value: {add: [{default: [$current/counter/value, 0]}, $request/by]}
    guards:
      - {that: {less: [$let/value, 100]}, rule: too_high, say: a counter stays below 100}
    write: [{row: {table: counter, key: {id: $request/id}}, as: counter, put: {value: $let/value, by: $request/by}}]
    examples: [{title: One, request: {id: c1, by: 1}}]
";

fn define(folder: &Path, name: &str, text: &str) {
    let own = folder.join(name);
    std::fs::create_dir(&own).expect("a folder");
    std::fs::write(own.join("counter.yaml"), text).expect("definitions");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_events_are_planned_by_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    define(folder, "own", COUNTER);
    let settings = "[catalog]\nfolders = [\"own\"]\n";
    std::fs::write(folder.join("consign.toml"), settings).expect("settings");
    let pipeline = Pipeline::start(folder);
    for (by, expected) in [(10, 200), (20, 200), (80, 422), (30, 200)] {
        let body = json!({"id": "c1", "by": by});
        let path = "/v1/operations/counter.raise";
        let (status, answer) = pipeline.call("POST", path, Some(body)).await;
        assert_eq!(status, expected, "{answer:#}");
    }
    assert!(pipeline.terminate().success());

    let (same, code) = json(&["catalog", "diff", "-", "own", "--json"], folder);
    assert_eq!(
        (code, &same["events"], &same["same"]),
        (0, &json!(4), &json!(4)),
        "{same:#}"
    );

    // By 10, by 20: as it was. By 80: still refused. By 30 over the 30 that stand: refused now.
    define(
        folder,
        "lower",
        &COUNTER.replace("$let/value, 100", "$let/value, 50"),
    );
    let (lower, code) = json(&["catalog", "diff", "-", "lower", "--json"], folder);
    assert_eq!((code, &lower["same"]), (1, &json!(3)), "{lower:#}");
    let finding = &lower["findings"][0];
    assert_eq!(
        (&finding["operation"], &finding["old"], &finding["new"]),
        (
            &json!("counter.raise"),
            &json!("applied"),
            &json!("refused: too_high")
        )
    );

    define(
        folder,
        "other",
        &COUNTER.replace("by: $request/by}}]", "by: 0}}]"),
    );
    let (other, code) = json(&["catalog", "diff", "own", "other", "--json"], folder);
    assert_eq!((code, &other["same"]), (1, &json!(1)), "{other:#}");
    let written = json!([{"of": "row counter/\"c1\"", "field": "/by", "old": 10, "new": 0}]);
    assert_eq!(other["findings"][0]["written"], written);

    let times = ["--events", "2020-01-01T00:00:00Z..2021-01-01T00:00:00Z"];
    let none = [&["catalog", "diff", "own", "other", "--json"][..], &times].concat();
    let (none, code) = json(&none, folder);
    assert_eq!((code, &none["events"]), (0, &json!(0)), "{none:#}");
    let nowhere = run(&["catalog", "diff", "own", "nowhere"], folder);
    assert_eq!(nowhere.status.code(), Some(3), "nothing was seen");
}
