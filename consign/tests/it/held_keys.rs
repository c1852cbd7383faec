//! What is told of writes that die, wait and are decided late: which dead letter a parked request
//! waits for, and what a document was at the moment of a write.

use crate::pipeline::{Pipeline, run};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const CATALOG: &str = "
collections:
  - {index: shop, collection: tallies, owner: tally, mappings: {properties: {n: {type: long}}}}
operations:
  - name: tally.set
    summary: Sets a tally.
    request:
      type: object
      required: [id, n]
      additionalProperties: false
      properties: {id: {type: string, format: document-id}, n: {type: integer}}
    key: {of: tally, id: $request/id}
    write:
      - document: {index: shop, collection: tallies, id: $request/id}
        put: {n: $request/n}
    examples: [{title: A tally, request: {id: a, n: 1}}]
  - name: tally.add
    summary: Adds to a tally.
    request: &amount
      type: object
      required: [id, by]
      additionalProperties: false
      properties: {id: {type: string, format: document-id}, by: {}}
    key: {of: tally, id: $request/id}
    write: &add
      - document: {index: shop, collection: tallies, id: $request/id}
        expect: present
        merge: {n: {add: [$before/n, $request/by]}}
    examples: &examples
      - {title: To a tally, request: {id: a, by: 1}, documents: {shop/tallies: {a: {n: 1}}}}
  - name: tally.rumour
    summary: Adds to a tally, whenever.
    order: relaxed
    request: *amount
    key: {of: tally, id: $request/id}
    write: *add
    examples: *examples
";

const MEND: &str = r#"[{"op": "replace", "path": "/by", "value": 2}]"#;

pub fn start(folder: &Path) -> Pipeline {
    std::fs::create_dir(folder.join("operations")).unwrap();
    std::fs::write(folder.join("operations/tally.yaml"), CATALOG).unwrap();
    let settings = "[catalog]\nfolders = [\"operations\"]\n";
    std::fs::write(folder.join("consign.toml"), settings).unwrap();
    std::fs::write(folder.join("mend.json"), MEND).unwrap();
    Pipeline::start(folder)
}

/// Asks for an operation and waits for what it comes to.
pub async fn ask(pipeline: &Pipeline, operation: &str, body: Value) -> Value {
    let path = format!("/v1/operations/{operation}");
    pipeline.call("POST", &path, Some(body)).await.1
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

fn mend(pipeline: &Pipeline, folder: &Path, dead: &str, more: &[&str]) -> Option<i32> {
    let edit = ["dlq", "edit", "--request", dead, "--patch", "mend.json"];
    let rest = ["--yes", "--json", "--url", &pipeline.url];
    let arguments: Vec<&str> = [&edit[..], &rest[..], more].concat();
    run(&arguments, folder).status.code()
}

async fn told(pipeline: &Pipeline, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let mut told = Value::Null;
    for _ in 0..400 {
        told = pipeline.call("GET", path, None).await.1;
        if is_there(&told) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path}: {told}");
}

#[tokio::test]
async fn a_parked_request_names_the_dead_letter_that_it_waits_for_now() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = start(folder.path());
    ask(&pipeline, "tally.set", json!({"id": "a", "n": 1})).await;
    let mut requests = Vec::new();
    for by in [json!("two"), json!("three"), json!(100)] {
        let body = json!({"id": "a", "by": by});
        let answer = ask(&pipeline, "tally.add", body).await;
        requests.push(text(&answer["request_id"]));
    }
    let [first, second, third] = &requests[..] else {
        panic!("{requests:?}")
    };
    let path = format!("/v1/requests/{third}");
    let status = told(&pipeline, &path, |told| told["status"] == "parked").await;
    assert_eq!(status["behind"], json!(first), "{status}");
    assert_eq!(
        status["times"]["applied"],
        Value::Null,
        "it is applied nowhere"
    );
    let explained = told(&pipeline, &format!("{path}/explain"), |_| true).await;
    assert!(text(&explained["next"]).contains(first), "{explained}");

    // The first is mended and applied; the second dies at its turn.
    assert_eq!(mend(&pipeline, folder.path(), first, &[]), Some(0));
    let dies = format!("/v1/requests/{second}");
    let dead = told(&pipeline, &dies, |told| told["status"] == "dead_lettered").await;
    assert_eq!(dead["times"]["applied"], Value::Null, "{dead}");
    let status = told(&pipeline, &path, |_| true).await;
    assert_eq!(
        (&status["status"], &status["behind"]),
        (&json!("parked"), &json!(second)),
        "{status}"
    );
    let explained = told(&pipeline, &format!("{path}/explain"), |_| true).await;
    assert_eq!(explained["behind"], json!(second), "{explained}");
    let next = text(&explained["next"]);
    assert!(next.contains(second) && !next.contains(first), "{next}");
    let steps = explained["steps"].as_array().unwrap();
    assert!(
        steps.iter().all(|step| step["step"] != "applied"),
        "{explained}"
    );
}

#[tokio::test]
async fn an_event_that_is_decided_late_changes_no_moment_before_that() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = start(folder.path());
    let set = async |n: u64| ask(&pipeline, "tally.set", json!({"id": "a", "n": n})).await;
    let at = async |token: &Value| {
        let path = format!("/v1/documents/shop/tallies/a?at={}", text(token));
        pipeline.call("GET", &path, None).await.1["_source"]["n"].clone()
    };
    set(1).await;
    let rumour = json!({"id": "a", "by": "two"});
    let rumour = ask(&pipeline, "tally.rumour", rumour).await;
    assert_eq!(rumour["code"], "dead_lettered", "{rumour}");
    let ten = set(10).await["token"].clone();
    let many = set(500).await["token"].clone();
    assert_eq!((at(&ten).await, at(&many).await), (json!(10), json!(500)));

    let request = text(&rumour["request_id"]);
    assert_eq!(
        mend(&pipeline, folder.path(), &request, &["--as-new"]),
        Some(0)
    );
    let path = format!("/v1/requests/{request}");
    told(&pipeline, &path, |told| told["status"] == "applied").await;
    assert_eq!((at(&ten).await, at(&many).await), (json!(10), json!(500)));
    let now = pipeline.call("GET", "/v1/documents/shop/tallies/a", None);
    assert_eq!(now.await.1["_source"]["n"], 502);
    // Its own moment is when it was applied.
    if let Some(token) = rumour.get("token") {
        assert_eq!(at(token).await, json!(502));
    }
}

/// What was overtaken is settled; what locks its key is not, and is purged only by name.
#[tokio::test]
async fn only_what_is_settled_or_named_is_purged_and_that_is_a_decision_of_record() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = start(folder.path());
    let ask = async |operation: &str, body: Value| ask(&pipeline, operation, body).await;
    let purge = |more: &[&str]| {
        let own = ["dlq", "purge", "--reason", "old", "--json"];
        let arguments = [&own[..], &["--url", &pipeline.url], more].concat();
        let output = run(&arguments, folder.path());
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (lines.collect::<Vec<Value>>(), output.status.code())
    };
    ask("tally.set", json!({"id": "a", "n": 1})).await;
    let rumour = ask("tally.rumour", json!({"id": "a", "by": "two"})).await;
    assert_eq!(purge(&["--yes"]), (vec![], Some(0)), "nothing overtook it");
    ask("tally.set", json!({"id": "a", "n": 10})).await;
    ask("tally.set", json!({"id": "b", "n": 1})).await;
    let dead = ask("tally.add", json!({"id": "b", "by": "two"})).await;
    let parked = ask("tally.add", json!({"id": "b", "by": 5})).await;
    assert_eq!(parked["code"], "parked", "{parked}");
    assert_eq!(purge(&[]).1, Some(2), "it must be confirmed");

    let (lost, code) = purge(&["--dry-run"]);
    assert_eq!((lost.len(), code), (1, Some(0)), "{lost:?}");
    assert_eq!(lost[0]["request_id"], rumour["request_id"]);
    assert_eq!(lost[0]["preview"]["verdict"], "dead_lettered");
    let (items, code) = purge(&["--yes"]);
    assert_eq!((items.len(), code), (1, Some(0)), "{items:?}");
    let path = |answer: &Value| format!("/v1/requests/{}", text(&answer["request_id"]));
    let given_up = told(&pipeline, &path(&rumour), |_| true).await;
    assert_eq!(given_up["problem"]["code"], "discarded", "{given_up}");
    let why = text(&given_up["problem"]["detail"]);
    assert!(why.ends_with(": old"), "{why}");

    assert_eq!(
        purge(&["--yes", "--give-up"]).1,
        Some(2),
        "it names nothing"
    );
    let key = ["--yes", "--give-up", "--key", "tally/b"];
    let (items, code) = purge(&key);
    assert_eq!((items.len(), code), (1, Some(0)), "{items:?}");
    assert_eq!(items[0]["request_id"], dead["request_id"]);
    told(&pipeline, &path(&parked), |told| {
        told["status"] == "applied"
    })
    .await;
}

/// What is parked may die of the same cause when its turn comes: a job that repeats takes it, too.
#[tokio::test]
async fn a_job_that_repeats_mends_what_dies_of_the_same_cause_at_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = start(folder.path());
    let dlq = |arguments: &[&str]| {
        let rest = ["--json", "--url", &pipeline.url];
        let output = run(&[&["dlq"], arguments, &rest].concat(), folder.path());
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (lines.collect::<Vec<Value>>(), output.status.code())
    };
    for id in ["a", "b"] {
        ask(&pipeline, "tally.set", json!({"id": id, "n": 1})).await;
        for by in [json!("two"), json!(10), json!("two"), json!("two")] {
            let answer = ask(&pipeline, "tally.add", json!({"id": id, "by": by})).await;
            let code = text(&answer["code"]);
            assert!(code == "dead_lettered" || code == "parked", "{answer}");
        }
    }
    let (letters, _) = dlq(&["list"]);
    assert_eq!(letters.len(), 2, "the heads alone are dead");
    let fingerprint = text(&letters[0]["fingerprint"]);
    let group = ["--fingerprint", &fingerprint, "--yes", "--repeat"];
    let edit = [&["edit", "--patch", "mend.json"], &group[..]].concat();
    let (items, code) = dlq(&edit);
    assert_eq!((items.len(), code), (6, Some(0)), "{items:?}");
    assert!(items.iter().all(|item| item["status"] == "applied"));
    for id in ["a", "b"] {
        let path = format!("/v1/documents/shop/tallies/{id}");
        let document = told(&pipeline, &path, |told| told["_version"] == 5).await;
        assert_eq!(document["_source"]["n"], 17, "{document}");
    }
    // What dies again is not tried for ever.
    ask(&pipeline, "tally.add", json!({"id": "a", "by": "two"})).await;
    let (items, code) = dlq(&[&["replay"], &group[..]].concat());
    assert_eq!((items.len(), code), (1, Some(1)), "{items:?}");
    assert_eq!(items[0]["status"], "dead_lettered");
}
