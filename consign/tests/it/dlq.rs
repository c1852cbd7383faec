//! Dead letters on the embedded default, as an operator looks after them: found, mended, replayed,
//! given up; jobs that are paused, killed with their gateway, and resumed.

use crate::pipeline::{Pipeline, consign, json, run};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// An operation that accepts what it cannot work with: a bad deploy in small.
const CATALOG: &str = "
collections:
  - {index: shop, collection: tallies, owner: tally, sealed: [email], mappings: {properties: {n: {type: long}, email: {type: keyword}}}}
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
    sealed: [email]
    request:
      type: object
      required: [id, by]
      additionalProperties: false
      properties: {id: {type: string, format: document-id}, by: {}, email: {type: string}}
    key: {of: tally, id: $request/id}
    write:
      - document: {index: shop, collection: tallies, id: $request/id}
        expect: present
        merge: {n: {add: [$before/n, $request/by]}, email: $request/email}
    examples:
      - {title: To a tally, request: {id: a, by: 1}, documents: {shop/tallies: {a: {n: 1}}}}
";

const MEND: &str = r#"[{"op": "replace", "path": "/by", "value": 2}]"#;

pub fn prepare(folder: &Path) {
    std::fs::create_dir(folder.join("operations")).unwrap();
    std::fs::write(folder.join("operations/tally.yaml"), CATALOG).unwrap();
    let settings = "[catalog]\nfolders = [\"operations\"]\n";
    std::fs::write(folder.join("consign.toml"), settings).unwrap();
    std::fs::write(folder.join("mend.json"), MEND).unwrap();
}

/// Asks for an operation and waits; the request's id, and the code of the problem, if there is one.
async fn ask(pipeline: &Pipeline, operation: &str, body: Value) -> (String, String) {
    let path = format!("/v1/operations/{operation}");
    let (_, answer) = pipeline.call("POST", &path, Some(body)).await;
    let of = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    (of("request_id"), of("code"))
}

/// A tally of 1 that cannot be added to, and two additions that wait behind that.
async fn lock(pipeline: &Pipeline, id: &str) -> (String, Vec<String>) {
    ask(pipeline, "tally.set", json!({"id": id, "n": 1})).await;
    let (dead, code) = ask(pipeline, "tally.add", json!({"id": id, "by": "two"})).await;
    assert_eq!(code, "dead_lettered");
    let mut parked = Vec::new();
    for by in [10, 100] {
        let (request, code) = ask(pipeline, "tally.add", json!({"id": id, "by": by})).await;
        assert_eq!(code, "parked");
        parked.push(request);
    }
    (dead, parked)
}

async fn status(pipeline: &Pipeline, request: &str) -> Value {
    let path = format!("/v1/requests/{request}");
    pipeline.call("GET", &path, None).await.1
}

async fn becomes(pipeline: &Pipeline, request: &str, wanted: &str) {
    let mut told = Value::Null;
    for _ in 0..400 {
        told = status(pipeline, request).await;
        if told["status"] == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{request} never becomes {wanted}: {told}");
}

async fn tally(pipeline: &Pipeline, id: &str) -> (Value, Value) {
    let path = format!("/v1/documents/shop/tallies/{id}");
    let (_, document) = pipeline.call("GET", &path, None).await;
    (
        document["_source"]["n"].clone(),
        document["_version"].clone(),
    )
}

/// The lines of a `consign dlq` command, and what it exits with.
pub fn dlq(pipeline: &Pipeline, folder: &Path, arguments: &[&str]) -> (Vec<Value>, i32) {
    let arguments = ["dlq"].into_iter().chain(arguments.iter().copied());
    let arguments: Vec<&str> = arguments
        .chain(["--json", "--url", &pipeline.url])
        .collect();
    let output = run(&arguments, folder);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {line}"))
    };
    let lines = text.lines().map(line).collect();
    (lines, output.status.code().unwrap())
}

#[tokio::test]
async fn dead_letters_are_listed_mended_as_a_group_replayed_in_order_and_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let pipeline = Pipeline::start(folder);
    let (dead, parked) = lock(&pipeline, "a").await;
    for id in ["b", "c"] {
        lock(&pipeline, id).await;
    }
    let told = status(&pipeline, &parked[0]).await;
    assert_eq!(told["status"], "parked");
    assert_eq!(
        (&told["behind"], &told["waiting"]),
        (&json!(dead), &json!(2))
    );
    assert_eq!(status(&pipeline, &dead).await["status"], "dead_lettered");

    let (letters, code) = dlq(&pipeline, folder, &["list"]);
    assert_eq!((letters.len(), code), (3, 0));
    let letter = letters
        .iter()
        .find(|letter| letter["request_id"] == dead.as_str());
    let letter = letter.unwrap();
    assert_eq!(letter["key"], "tally/a");
    assert_eq!(letter["operation"], "tally.add");
    assert_eq!(letter["code"], "unplannable");
    assert_eq!(
        (&letter["attempts"], &letter["waiting"]),
        (&json!(1), &json!(2))
    );
    assert!(letter["time"].is_string() && letter["store"].is_null());
    let fingerprint = letter["fingerprint"].as_str().unwrap();
    assert!(
        letters
            .iter()
            .all(|letter| letter["fingerprint"] == fingerprint)
    );
    let (causes, _) = dlq(&pipeline, folder, &["stats"]);
    assert_eq!(
        (&causes[0]["count"], &causes[0]["waiting"]),
        (&json!(3), &json!(6))
    );
    let (shown, code) = dlq(&pipeline, folder, &["show", &dead]);
    assert_eq!(code, 0);
    assert_eq!(shown[0]["event"]["value"]["request"]["by"], "two");
    let (exported, _) = dlq(&pipeline, folder, &["export", "--key", "tally/b"]);
    assert_eq!(exported.len(), 1);

    // As it stands it dies again.
    let (items, code) = dlq(&pipeline, folder, &["replay", "--request", &dead]);
    assert_eq!(
        (items[0]["status"].as_str(), code),
        (Some("dead_lettered"), 1)
    );
    let (letters, _) = dlq(&pipeline, folder, &["list", "--key", "tally/a"]);
    assert_eq!(letters[0]["attempts"], 2);
    // It cannot be moved to another key.
    std::fs::write(
        folder.join("move.json"),
        r#"[{"op": "replace", "path": "/id", "value": "z"}]"#,
    )
    .unwrap();
    let moved = ["edit", "--request", &dead, "--patch", "move.json"];
    let (items, code) = dlq(&pipeline, folder, &moved);
    assert_eq!(
        (items[0]["problem"]["code"].as_str(), code),
        (Some("invalid"), 1)
    );

    let unmended = ["replay", "--fingerprint", fingerprint, "--dry-run"];
    let (items, code) = dlq(&pipeline, folder, &unmended);
    assert_eq!((items.len(), code), (3, 1), "each would die again");
    let edit = ["edit", "--fingerprint", fingerprint, "--patch", "mend.json"];
    let dry = [&edit[..], &["--dry-run"]].concat();
    let (items, code) = dlq(&pipeline, folder, &dry);
    assert_eq!((items.len(), code), (3, 0));
    for item in &items {
        assert_eq!(item["preview"]["verdict"], "applied");
        assert_eq!(item["preview"]["follow"], 2);
        let changes = item["preview"]["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 2, "in the record and in the view");
        for change in changes {
            let field = json!([{"field": "/n", "before": 1, "after": 3}]);
            assert_eq!(change["fields"], field);
        }
    }
    assert_eq!(
        tally(&pipeline, "a").await,
        (json!(1), json!(1)),
        "nothing was done"
    );

    let mend = [&edit[..], &["--reason", "a number was a word", "--yes"]].concat();
    let (items, code) = dlq(&pipeline, folder, &mend);
    assert_eq!((items.len(), code), (3, 0), "{items:?}");
    assert!(items.iter().all(|item| item["status"] == "applied"));
    for request in parked.iter().chain([&dead]) {
        becomes(&pipeline, request, "applied").await;
    }
    for id in ["a", "b", "c"] {
        assert_eq!(tally(&pipeline, id).await.0, json!(113));
    }
    // Once more, it does nothing.
    let (items, code) = dlq(&pipeline, folder, &["replay", "--request", &dead]);
    assert_eq!((items[0]["status"].as_str(), code), (Some("applied"), 0));
    assert_eq!(tally(&pipeline, "a").await, (json!(113), json!(4)));
    assert_eq!(dlq(&pipeline, folder, &["list"]).0.len(), 0);

    let (dead, parked) = lock(&pipeline, "d").await;
    let unsaid = ["discard", "--request", &dead];
    assert_eq!(
        dlq(&pipeline, folder, &unsaid).1,
        2,
        "a script must say --yes"
    );
    let said = [&unsaid[..], &["--yes", "--reason", "a slip"]].concat();
    let (items, code) = dlq(&pipeline, folder, &said);
    assert_eq!((items[0]["status"].as_str(), code), (Some("discarded"), 0));
    becomes(&pipeline, &parked[1], "applied").await;
    assert_eq!(tally(&pipeline, "d").await.0, json!(111));
    let told = status(&pipeline, &dead).await;
    assert_eq!(
        (&told["status"], &told["problem"]["code"]),
        (&json!("refused"), &json!("discarded"))
    );
    assert_eq!(pipeline.terminate().code(), Some(0));
}

#[tokio::test]
async fn a_job_is_paused_killed_with_its_gateway_and_resumed() {
    const LETTERS: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let pipeline = Pipeline::start(folder);
    for n in 0..LETTERS {
        lock(&pipeline, &format!("t{n}")).await;
    }
    let order = json!({
        "select": {"all": true}, "rate": 4.0, "reason": "mended",
        "patch": serde_json::from_str::<Value>(MEND).unwrap(),
    });
    let (code, job) = pipeline.call("POST", "/v1/replays", Some(order)).await;
    assert_eq!(code, 202, "{job}");
    let path = format!("/v1/replays/{}", job["id"].as_str().unwrap());
    while pipeline.call("GET", &path, None).await.1["done"] == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (code, paused) = pipeline.call("POST", &format!("{path}/_pause"), None).await;
    assert_eq!(
        (code, &paused["state"]),
        (200, &json!("paused")),
        "{paused}"
    );
    let done = paused["done"].as_u64().unwrap();
    assert!(done > 0 && done < LETTERS as u64, "{paused}");
    tokio::time::sleep(Duration::from_millis(600)).await;
    let (_, still) = pipeline.call("GET", &path, None).await;
    assert_eq!(still["done"], done, "a paused job moves nothing");
    pipeline
        .call("POST", &format!("{path}/_resume"), None)
        .await;
    told_of_job(
        &pipeline,
        job["id"].as_str().unwrap(),
        &["paused", "running"],
    )
    .await;
    pipeline.kill9();

    let pipeline = Pipeline::start(folder);
    let id = job["id"].as_str().unwrap();
    let follow = ["job", id, "--follow"];
    let (items, code) = dlq(&pipeline, folder, &follow);
    assert_eq!((items.len(), code), (LETTERS, 0), "{items:?}");
    assert!(items.iter().all(|item| item["status"] == "applied"));
    for n in 0..LETTERS {
        let id = format!("t{n}");
        for _ in 0..400 {
            if tally(&pipeline, &id).await.0 == json!(113) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(
            tally(&pipeline, &id).await,
            (json!(113), json!(4)),
            "each once"
        );
    }
    let (job, code) = json(
        &["dlq", "job", id, "--json", "--url", &pipeline.url],
        folder,
    );
    assert_eq!(
        (&job["state"], &job["succeeded"], code),
        (&json!("done"), &json!(true), 0)
    );
    assert_eq!(job["order"]["reason"], "mended");
    let preview = &job["items"][0]["preview"]["changes"][0]["fields"][0];
    assert_eq!(*preview, json!({"field": "/n", "before": 1, "after": 3}));
    let cancelled = consign(
        &["dlq", "job", id, "--cancel", "--url", &pipeline.url],
        folder,
    );
    let output = { cancelled }.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "what is over stays over");
    assert_eq!(pipeline.terminate().code(), Some(0));
}

/// Waits until the log of security events says that a job was asked for these states, in this order.
async fn told_of_job(pipeline: &Pipeline, job: &str, states: &[&str]) {
    let path = "/v1/security/log?type=dead_letters.job_changed";
    for _ in 0..400 {
        let (_, page) = pipeline.call("GET", path, None).await;
        let events = page["events"].as_array().unwrap().iter();
        let of_job = events.filter(|event| event["subject"] == job);
        let told: Vec<&str> = of_job
            .map(|event| event["data"]["state"].as_str().unwrap())
            .collect();
        if told == states {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the log of security events does not tell that {job} was {states:?}");
}

#[tokio::test]
async fn a_key_whose_queue_is_full_takes_no_new_writes_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let settings = "[catalog]\nfolders = [\"operations\"]\n[gateway]\nkey_queue_limit = 2\n";
    std::fs::write(folder.join("consign.toml"), settings).unwrap();
    let pipeline = Pipeline::start(folder);
    let (dead, parked) = lock(&pipeline, "a").await;
    let add = |id: &'static str| ask(&pipeline, "tally.add", json!({"id": id, "by": 5}));
    let mut code = String::new();
    for _ in 0..100 {
        code = add("a").await.1;
        if code == "key_locked" {
            break;
        }
        assert_eq!(code, "parked", "what a gateway does not know yet is parked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(code, "key_locked");
    ask(&pipeline, "tally.set", json!({"id": "b", "n": 1})).await;
    assert_eq!(add("b").await.1, "", "other keys are free");
    let discard = ["discard", "--request", &dead, "--yes"];
    assert_eq!(dlq(&pipeline, folder, &discard).1, 0);
    becomes(&pipeline, &parked[1], "applied").await;
    for _ in 0..100 {
        code = add("a").await.1;
        if code.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(code, "");
    assert_eq!(pipeline.terminate().code(), Some(0));
}

#[tokio::test]
async fn a_flood_of_dead_letters_waits_until_it_is_let_pass() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let settings = std::fs::read_to_string(folder.join("consign.toml")).unwrap();
    let settings = format!("{settings}\n[worker]\nflood_limit = 2\n");
    std::fs::write(folder.join("consign.toml"), settings).unwrap();
    let pipeline = Pipeline::start(folder);
    let ids = ["a", "b", "c"];
    for id in ids {
        ask(&pipeline, "tally.set", json!({"id": id, "n": 1})).await;
    }
    assert_eq!(dlq(&pipeline, folder, &["floods"]), (Vec::new(), 0));
    let asked = ids.map(|id| {
        let pipeline = &pipeline;
        async move { ask(pipeline, "tally.add", json!({"id": id, "by": "two"})).await }
    });
    let asked = futures::future::join_all(asked);
    let guarded = async {
        let mut floods = Vec::new();
        for _ in 0..400 {
            floods = dlq(&pipeline, folder, &["floods"]).0;
            let letters = dlq(&pipeline, folder, &["list"]).0;
            if !floods.is_empty() && letters.len() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(floods.len(), 1, "{floods:?}");
        assert_eq!(floods[0]["operation"], "tally.add");
        assert_eq!(dlq(&pipeline, folder, &["list"]).0.len(), 2);
        let (_, ready) = pipeline.call("GET", "/readyz", None).await;
        assert!(ready.to_string().contains("consign dlq pass"), "{ready}");
        let asked = ["status", "--json", "--url", &pipeline.url];
        let (status, code) = json(&asked, folder);
        assert_eq!((&status["state"], code), (&json!("failing"), 1), "{status}");
        let remedy = status["advice"][0]["remedy"].as_str().unwrap();
        assert!(
            remedy.contains("dlq pass --operation tally.add"),
            "{status}"
        );
        let passed = dlq(&pipeline, folder, &["pass", "--operation", "tally.add"]);
        assert_eq!(passed.1, 0, "{passed:?}");
    };
    let (answers, ()) = tokio::join!(asked, guarded);
    assert!(
        answers.iter().all(|(_, code)| code == "dead_lettered"),
        "{answers:?}"
    );
    assert_eq!(dlq(&pipeline, folder, &["list"]).0.len(), 3);
    assert_eq!(dlq(&pipeline, folder, &["floods"]), (Vec::new(), 0));
}

#[tokio::test]
async fn what_was_given_up_is_asked_for_anew_from_a_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let pipeline = Pipeline::start(folder);
    let (dead, _) = lock(&pipeline, "a").await;
    let count = |field: &str| dlq(&pipeline, folder, &["list", "--field", field]).0.len();
    assert_eq!(count("/by=two"), 1);
    assert_eq!(count("/by=three") + count("/bye"), 0);
    assert_eq!(dlq(&pipeline, folder, &["jobs"]), (Vec::new(), 0));
    let export = ["export", "--key", "tally/a", "--to", "letters.ndjson"];
    assert_eq!(dlq(&pipeline, folder, &export).1, 0);
    let import = ["import", "letters.ndjson", "--yes"];
    let (told, code) = dlq(&pipeline, folder, &import);
    assert_eq!((told[0]["status"].as_str(), code), (Some("waits"), 1));
    let given_up = dlq(&pipeline, folder, &["discard", "--key", "tally/a", "--yes"]);
    assert_eq!(given_up.1, 0, "{given_up:?}");
    becomes(&pipeline, &dead, "refused").await;
    let (jobs, _) = dlq(&pipeline, folder, &["jobs"]);
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (&jobs[0]["action"], &jobs[0]["state"]),
        (&json!("discard"), &json!("done"))
    );
    // It dies again; asking twice makes one of it.
    let (first, code) = dlq(&pipeline, folder, &import);
    assert_eq!(
        (first[0]["status"].as_str(), code),
        (Some("dead_lettered"), 1)
    );
    let (second, _) = dlq(&pipeline, folder, &import);
    assert_eq!(second[0]["new_request_id"], first[0]["new_request_id"]);
    assert_ne!(first[0]["new_request_id"], json!(dead));
    assert_eq!(count("/by=two"), 1);
}

/// The files below the folder in which a text stands, as it is or in base64, wherever that begins.
pub fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let within_base64 = |before: usize| {
        let bytes = [&vec![0; before], text.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        STANDARD.encode(&bytes)[from..to].to_owned()
    };
    let spelt: Vec<String> = (0..3).map(within_base64).chain([text.to_owned()]).collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else {
            let file = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            if spelt.iter().any(|spelt| file.contains(spelt)) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Replays the dead letter by a patch; the job once it is over, whatever it shows on the way.
async fn mend(pipeline: &Pipeline, request: &str, patch: Value) -> Value {
    let order = json!({"select": {"requests": [request]}, "patch": patch});
    let (status, begun) = pipeline.call("POST", "/v1/replays", Some(order)).await;
    assert_eq!(status, 202, "{begun:#}");
    assert!(!begun.to_string().contains("quokka"), "{begun:#}");
    let path = format!("/v1/replays/{}", begun["id"].as_str().unwrap());
    for _ in 0..400 {
        let (_, job) = pipeline.call("GET", &path, None).await;
        if job["state"] == "done" {
            assert!(!job.to_string().contains("quokka"), "{job:#}");
            return job;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the job does not end");
}

/// Two members of the request in a dead letter, which shows no sealed value.
async fn shown_request(pipeline: &Pipeline, letter: &str) -> (Value, Value) {
    let (_, shown) = pipeline.call("GET", letter, None).await;
    assert!(!shown.to_string().contains("quokka"), "{shown:#}");
    let request = &shown["event"]["value"]["request"];
    (request["by"].clone(), request["email"].clone())
}

async fn document_of(pipeline: &Pipeline, id: &str) -> Value {
    let path = format!("/v1/documents/shop/tallies/{id}");
    let (_, document) = pipeline.call("GET", &path, None).await;
    document["_source"].clone()
}

#[tokio::test]
async fn what_an_edit_puts_into_sealed_members_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let pipeline = Pipeline::start(folder);
    ask(&pipeline, "tally.set", json!({"id": "a", "n": 1})).await;
    let first = json!({"id": "a", "by": "two", "email": "quokka.first@example.org"});
    let (dead, _) = ask(&pipeline, "tally.add", first).await;
    let letter = format!("/v1/dead-letters/{dead}");
    // It dies again: the letter keeps the event as it was accepted.
    let patch = json!([
        {"op": "replace", "path": "/by", "value": "three"},
        {"op": "replace", "path": "/email", "value": "quokka.second@example.org"},
    ]);
    let job = mend(&pipeline, &dead, patch).await;
    assert_eq!(job["items"][0]["status"], "dead_lettered", "{job:#}");
    let kept = (json!("two"), json!("•••"));
    assert_eq!(shown_request(&pipeline, &letter).await, kept);
    // A patch cannot carry a sealed value to where it is plain, nor tell what it is.
    let stolen = json!([{"op": "copy", "from": "/email", "path": "/by"}]);
    let job = mend(&pipeline, &dead, stolen).await;
    assert_eq!(job["items"][0]["status"], "dead_lettered", "{job:#}");
    assert_eq!(shown_request(&pipeline, &letter).await, kept);
    // An editor sends the whole request back, with the mask where it saw one.
    let whole =
        json!([{"op": "replace", "path": "", "value": {"id": "a", "by": 2, "email": "•••"}}]);
    let job = mend(&pipeline, &dead, whole).await;
    assert_eq!(job["items"][0]["status"], "applied", "{job:#}");
    let expected = json!({"n": 3, "email": "quokka.first@example.org"});
    assert_eq!(document_of(&pipeline, "a").await, expected);
    // What an edit puts there is what is applied, and plain in no file.
    ask(&pipeline, "tally.set", json!({"id": "b", "n": 1})).await;
    let wrong = json!({"id": "b", "by": "two", "email": "quokka.first@example.org"});
    let (dead, _) = ask(&pipeline, "tally.add", wrong).await;
    let patch = json!([
        {"op": "replace", "path": "/by", "value": 2},
        {"op": "replace", "path": "/email", "value": "quokka.second@example.org"},
    ]);
    let job = mend(&pipeline, &dead, patch).await;
    assert_eq!(job["items"][0]["status"], "applied", "{job:#}");
    let expected = json!({"n": 3, "email": "quokka.second@example.org"});
    assert_eq!(document_of(&pipeline, "b").await, expected);
    for text in ["quokka.first@example.org", "quokka.second@example.org"] {
        assert_eq!(files_with(folder, text), Vec::<String>::new(), "{text}");
    }
}
