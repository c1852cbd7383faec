//! Each way by which writes come in leads past the hooks, and what is repeated does not.

use super::{
    accept, answer, app, ask, catalog_text, change, config, of_cities, of_tallies,
    peer::{Peer, PeerAnswer},
    request_of, said, tally,
};
use crate::{
    harness::{App, Builder, city, problem, told},
    kuzzle,
    socket::Socket,
    uploads::completed,
};
use catalog::{Catalog, CatalogError};
use gateway::config::Hooks;
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use store::StoreError;

/// Adds to each document who looked at it, and refuses those of this name.
async fn stamping() -> Peer {
    Peer::start(|question| {
        let mut request = question["request"].clone();
        if request["body"]["name"] == "Atlantis" {
            return json!({"decision": "refuse", "say": "there is no such city"}).into();
        }
        request["body"]["seen"] = true.into();
        change(request).into()
    })
    .await
}

async fn source(app: &App, id: &str) -> Value {
    let path = format!("/v1/documents/geo/cities/{id}");
    told(app.get(&path)).await.2["_source"].clone()
}

#[tokio::test]
async fn each_document_of_many_and_each_line_of_a_bulk_is_asked_about() {
    let peer = stamping().await;
    let app = app(&of_cities(&peer, "")).await;
    app.cities().await;
    let documents = json!([{"_id": "1", "body": {"name": "Paris"}}, {"_id": "2", "body": {"name": "Atlantis"}}, {"_id": "3", "body": {"name": "Rome"}}]);
    let many = json!({"index": "geo", "collection": "cities", "documents": documents});
    let (_, json) = answer(&app, "document.mCreate", many).await;
    let items = json["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{json:#}"));
    let told: Vec<_> = items
        .iter()
        .map(|item| item["problem"]["code"].as_str().unwrap_or("applied"))
        .collect();
    assert_eq!(told, ["applied", "hook_refused", "applied"], "{json:#}");
    assert_eq!(
        source(&app, "1").await,
        json!({"name": "Paris", "seen": true})
    );
    assert_eq!(
        source(&app, "3").await,
        json!({"name": "Rome", "seen": true})
    );

    let lines = ["Oslo", "Atlantis", "Bern"].iter().enumerate();
    let lines: String = lines
        .map(|(n, name)| format!("{}\n", city(&format!("b{n}"), name)))
        .collect();
    let sent = app
        .client
        .post(app.url("/v1/operations/document.create/_bulk"));
    let sent = sent
        .header("content-type", "application/x-ndjson")
        .body(lines)
        .send()
        .await
        .unwrap();
    let text = sent.text().await.unwrap();
    assert!(
        text.contains("hook_refused") && text.contains("\"accepted\":2"),
        "{text}"
    );
    assert_eq!(peer.asked().len(), 6);
    let deadline = Instant::now() + Duration::from_secs(20);
    while source(&app, "b2").await != json!({"name": "Bern", "population": 7, "seen": true}) {
        assert!(Instant::now() < deadline, "{}", source(&app, "b2").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn lines_of_a_bulk_are_asked_about_side_by_side_and_keep_their_order() {
    let slow = |question: &Value| {
        let n = question["request"]["n"].as_u64().unwrap_or_default();
        PeerAnswer {
            after: Duration::from_millis(400 - n * 30),
            ..accept().into()
        }
    };
    let peer = Peer::start(slow).await;
    let app = app(&of_tallies(&peer, "")).await;
    // One that nobody is asked about waits for its turn, too.
    let line = |n: usize| match n {
        5 => "no JSON\n".to_owned(),
        n => format!("{}\n", json!({"id": "a", "n": n})),
    };
    let lines: String = (0..12).map(line).collect();
    let began = Instant::now();
    let sent = app
        .client
        .post(app.url("/v1/operations/tally.set/_bulk"))
        .header("content-type", "application/x-ndjson")
        .body(lines);
    let text = sent.send().await.unwrap().text().await.unwrap();
    let took = began.elapsed();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<u64> = answers
        .iter()
        .filter_map(|answer| answer["line"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>(), "{text}");
    // One after the other they would take 2.8 s.
    assert!(took < Duration::from_millis(2_000), "{took:?}");
    let events = app.events().await;
    let said: Vec<Value> = events
        .iter()
        .map(|event| request_of(event)["n"].clone())
        .collect();
    let sent: Vec<usize> = (0..12).filter(|n| *n != 5).collect();
    assert_eq!(Value::from(said), json!(sent));
}

fn document(action: &str, id: &str, body: Value) -> Value {
    json!({"controller": "document", "action": action, "index": "geo", "collection": "cities", "_id": id, "body": body})
}

#[tokio::test]
async fn writes_of_a_socket_keep_their_order_however_long_each_hook_takes() {
    let peer = Peer::start(|question| {
        let n = question["request"]["body"]["n"]
            .as_u64()
            .unwrap_or_default();
        PeerAnswer {
            after: Duration::from_millis(200 - n * 20),
            ..accept().into()
        }
    })
    .await;
    let app = app(&of_cities(&peer, "")).await;
    app.cities().await;
    let mut socket = Socket::connect(app.address).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(
            socket
                .begin(document("createOrReplace", "slider", json!({"n": n})))
                .await,
        );
    }
    for id in ids {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
    let events = app.events().await;
    let handed: Vec<_> = events
        .iter()
        .map(|event| request_of(event)["body"]["n"].clone())
        .collect();
    assert_eq!(handed, (0..10).map(Value::from).collect::<Vec<_>>());
    assert_eq!(source(&app, "slider").await["n"], 9);
    assert_eq!(peer.asked().len(), 10);
}

#[tokio::test]
async fn kuzzles_actions_and_what_a_query_finds_are_asked_about() {
    let peer = stamping().await;
    let app = app(&of_cities(&peer, "")).await;
    app.cities().await;
    let mut socket = Socket::connect(app.address).await;
    let created = socket
        .ask(document("create", "1", json!({"name": "Paris"})))
        .await;
    assert_eq!(created["status"], 200, "{created}");
    let refused = socket
        .ask(document("create", "2", json!({"name": "Atlantis"})))
        .await;
    assert_eq!(
        (
            &refused["status"],
            &refused["error"]["id"],
            &refused["error"]["message"]
        ),
        (
            &json!(400),
            &json!("plugin.runtime.hook_refused"),
            &json!("there is no such city")
        )
    );
    assert_eq!(source(&app, "1").await["seen"], true);
    let many = json!({"documents": [{"_id": "3", "body": {"name": "Rome"}}, {"_id": "4", "body": {"name": "Atlantis"}}]});
    let done = kuzzle::ok(&app, "POST", "/geo/cities/_mCreate", Some(many)).await;
    assert_eq!(
        (
            done["successes"].as_array().unwrap().len(),
            done["errors"].as_array().unwrap().len()
        ),
        (1, 1)
    );

    let changes = json!({"query": {"match_all": {}}, "changes": {"name": "Renamed"}});
    kuzzle::ok(&app, "PUT", "/geo/cities/_query", Some(changes)).await;
    let asked = peer.asked();
    let updates = asked
        .iter()
        .filter(|question| question.json()["operation"] == "document.update");
    assert_eq!(updates.count(), 2);
    let bulk = json!({"bulkData": [{"index": {"_id": "5"}}, {"name": "Oslo"}]});
    kuzzle::ok(&app, "POST", "/geo/cities/_bulk", Some(bulk)).await;
    assert_eq!(source(&app, "5").await["seen"], true);
}

#[tokio::test]
async fn lines_of_a_file_are_asked_about() {
    let peer = Peer::start(|question| {
        if question["request"]["code"] == "S0001" {
            return json!({"decision": "refuse", "say": "this state is closed"}).into();
        }
        accept().into()
    })
    .await;
    let url = peer.url();
    let hook = format!("  - {{name: places, url: '{url}', operations: [location.create]}}");
    let app = app(&hook).await;
    let file = "code,NAME,parentCode,parentId\nS0000,One,,\nS0001,Two,,\n";
    let sent = app
        .client
        .post(app.url("/v1/bulk/location/upload?type=state"));
    let sent = sent.header("content-type", "text/csv").body(file);
    let (_, _, json) = told(sent).await;
    let process = json["result"]["processId"].as_str().unwrap();
    let done = completed(&app, process).await;
    assert_eq!(
        (&done["succeeded"], &done["failed"]),
        (&json!(1), &json!(1)),
        "{done:#}"
    );
    let results = app.get(&format!("/v1/upload/results/{process}"));
    let results = results.send().await.unwrap().text().await.unwrap();
    assert!(
        results.contains("S0001,Two,,,failed,this state is closed"),
        "{results}"
    );
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_whatever_the_hook_says_by_then() {
    let peer = Peer::start(|_| accept().into()).await;
    let app = app(&of_tallies(&peer, "")).await;
    let request = json!({"id": "a", "n": 1});
    let keyed = || ask(&app, "tally.set", &request).header("idempotency-key", "k");
    let (_, _, first) = told(keyed()).await;
    peer.answers(|_| json!({"decision": "refuse"}).into());
    // Another gateway has the first answer from the ledger alone.
    let other = app.sibling(config(Hooks::default())).await;
    let url = format!("http://{other}/v1/operations/tally.set");
    let again = app
        .client
        .post(url)
        .json(&request)
        .header("prefer", "wait=20");
    for asked in [keyed(), again.header("idempotency-key", "k")] {
        let (status, _, json) = told(asked).await;
        assert_eq!(
            (status.as_u16(), &json["request_id"]),
            (200, &first["request_id"])
        );
    }
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_replayed_dead_letter_is_what_the_hook_made_of_it_and_nobody_is_asked_again() {
    let peer = Peer::start(|question| {
        let mut request = question["request"].clone();
        request["note"] = "checked".into();
        change(request).into()
    })
    .await;
    let app = app(&of_tallies(&peer, "")).await;
    answer(&app, "tally.set", json!({"id": "a", "n": 1})).await;
    let (_, dead) = answer(&app, "tally.add", json!({"id": "a", "n": "two"})).await;
    assert_eq!(dead["code"], "dead_lettered", "{dead:#}");
    peer.answers(|_| json!({"decision": "refuse"}).into());
    let patch = json!([{"op": "replace", "path": "/n", "value": 2}]);
    let job =
        json!({"select": {"requests": [dead["request_id"]]}, "reason": "mended", "patch": patch});
    let (status, _, job) = told(app.post("/v1/replays", &job)).await;
    assert_eq!(status, 202, "{job:#}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while tally(&app, "a").await != json!({"n": 3, "note": "checked"}) {
        assert!(Instant::now() < deadline, "{}", tally(&app, "a").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(peer.asked().len(), 2);
    let events = app.events().await;
    let added = events
        .iter()
        .find(|event| event.attributes.operation == "tally.add");
    assert_eq!(
        said(added.unwrap()),
        json!([{"hook": "stock.check", "decision": "changed"}])
    );
}

/// A folder that is read again when asked.
struct Folder(PathBuf);

#[async_trait::async_trait]
impl gateway::CatalogSource for Folder {
    fn read(&self) -> Result<Catalog, CatalogError> {
        Catalog::load(std::slice::from_ref(&self.0))
    }

    async fn prepare(&self, _: &Catalog, _: &Catalog) -> Result<(), StoreError> {
        Ok(())
    }

    async fn asked(&self) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn hooks_come_and_go_with_the_catalog_that_is_read_again() {
    let peer = Peer::start(|_| json!({"decision": "refuse"}).into()).await;
    let folder = tempfile::tempdir().unwrap();
    let write =
        |hooks: &str| std::fs::write(folder.path().join("shop.yaml"), catalog_text(hooks)).unwrap();
    let builder = Builder {
        catalog: super::catalog("  []"),
        catalog_source: Some(Arc::new(Folder(folder.path().to_owned()))),
        config: config(Hooks::default()),
        ..Builder::default()
    };
    let app = builder.start().await;
    let request = json!({"id": "a", "n": 1});
    let reload = || app.post("/v1/catalog/reload", &Value::Null);
    assert_eq!(answer(&app, "tally.set", request.clone()).await.0, 200);
    write(&of_tallies(&peer, ""));
    assert_eq!(told(reload()).await.0, 200);
    problem(ask(&app, "tally.set", &request), 422, "hook_refused").await;
    let (_, _, listed) = told(app.get("/v1/operations")).await;
    let listed = listed["operations"].as_array().unwrap();
    let set = listed
        .iter()
        .find(|operation| operation["name"] == "tally.set")
        .unwrap();
    assert_eq!(set["before"], json!(["stock.check"]));

    // One that may not be called leaves the catalog in use.
    write(
        &of_tallies(&peer, "")
            .replace("127.0.0.1", "10.1.2.3")
            .replace("http:", "https:"),
    );
    let told_bad = problem(reload(), 422, "bad_catalog").await;
    let detail = told_bad["detail"].as_str().unwrap();
    assert!(
        detail.contains("hook `stock.check`") && detail.contains("10.1.2.3"),
        "{detail}"
    );
    problem(ask(&app, "tally.set", &request), 422, "hook_refused").await;

    write("  []");
    assert_eq!(told(reload()).await.0, 200);
    assert_eq!(answer(&app, "tally.set", request).await.0, 200);
    assert!(!super::metrics(&app).await.contains("hook=\"stock.check\""));
}
