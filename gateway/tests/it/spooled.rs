//! The log is away and there is a spool: writes are taken by every door, say that they are spooled,
//! and are applied in their order when the log is back.

use crate::harness::{App, Builder, city, layout, problem, spool_options, told};
use bytes::Bytes;
use event_log::{Delivery, DeliverySender, Log, NewRecord, Publisher, SendError, embedded};
use event_schema::topics::{CATALOG, TRANSACTIONS, Topic};
use parking_lot::Mutex;
use runtime::Shutdown;
use serde_json::{Value, json};
use spool::{Acknowledged, Config, Spool, SpoolFolder};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// A log that can be away: what it is handed waits, as a producer would let it.
pub struct Outage {
    real: Arc<dyn Publisher>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_away: bool,
    denial: Option<String>,
    sent: Vec<NewRecord>,
    waiting: Vec<(NewRecord, DeliverySender)>,
}

impl Outage {
    fn cut(&self) {
        self.state.lock().is_away = true;
    }

    /// The keys of what was sent to a topic, and after how many others.
    fn sent_to(&self, topic: &str) -> Vec<(usize, Bytes)> {
        let state = self.state.lock();
        let sent = state.sent.iter().enumerate();
        sent.filter(|(_, record)| &*record.topic == topic)
            .map(|(place, record)| (place, record.key.clone().unwrap_or_default()))
            .collect()
    }

    fn deny(&self, why: &str) {
        self.state.lock().denial = Some(why.to_owned());
    }

    fn mend(&self) {
        let mut state = self.state.lock();
        state.is_away = false;
        for (record, sender) in std::mem::take(&mut state.waiting) {
            let delivery = self.real.send(record).unwrap();
            delivery.observe(Box::new(|outcome| sender.send(outcome)));
        }
    }
}

#[async_trait::async_trait]
impl Publisher for Outage {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let mut state = self.state.lock();
        state.sent.push(record.clone());
        if !state.is_away {
            return self.real.send(record);
        }
        let (sender, delivery) = Delivery::pair();
        state.waiting.push((record, sender));
        Ok(delivery)
    }

    async fn flush(&self, _limit: Duration) -> usize {
        0
    }

    fn healthy(&self) -> bool {
        !self.state.lock().is_away
    }

    fn denied(&self) -> Option<String> {
        self.state.lock().denial.clone()
    }
}

struct World {
    app: App,
    outage: Arc<Outage>,
    _folder: tempfile::TempDir,
}

async fn world(config: Config, worker: bool) -> World {
    let found = watch::channel(Some(event_log::Durability::Logged)).1;
    world_of(config, worker, found).await
}

async fn world_of(
    config: Config,
    worker: bool,
    durability: watch::Receiver<Option<event_log::Durability>>,
) -> World {
    world_in(tempfile::tempdir().unwrap(), config, worker, durability).await
}

async fn world_in(
    folder: tempfile::TempDir,
    config: Config,
    worker: bool,
    durability: watch::Receiver<Option<event_log::Durability>>,
) -> World {
    let (give, given) = std::sync::mpsc::sync_channel(1);
    let wrap = Box::new(move |log: Log| {
        let outage = Arc::new(Outage {
            real: log.publisher.clone(),
            state: Mutex::default(),
        });
        give.send(outage.clone()).unwrap();
        Log {
            publisher: outage,
            ..log
        }
    });
    let app = Builder {
        worker,
        wrap,
        durability,
        spool: Some((folder.path().to_owned(), config)),
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    World {
        app,
        outage: given.recv().unwrap(),
        _folder: folder,
    }
}

fn quick() -> Config {
    Config {
        after_millis: 50,
        reserve_bytes: 0,
        ..Config::default()
    }
}

impl World {
    async fn create(&self, id: &str) -> Value {
        let call = self
            .app
            .post("/v1/operations/document.create", &city(id, "x"));
        let (status, headers, json) = told(call).await;
        assert_eq!(status.as_u16(), 202, "{json}");
        assert!(headers.contains_key("location"));
        json
    }

    async fn until_applied(&self, id: &str) -> Value {
        let begun = Instant::now();
        loop {
            let (status, _, json) = told(self.app.get(&format!("/v1/requests/{id}"))).await;
            if status.as_u16() == 200 && json["status"] == "applied" {
                return json;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{json}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_spooled_while_the_log_is_away_and_applied_when_it_is_back() {
    let world = world(quick(), true).await;
    let before = world.create("before").await;
    assert_eq!(before["durability"], "logged");
    world
        .until_applied(before["request_id"].as_str().unwrap())
        .await;
    world.outage.cut();
    let mut spooled = Vec::new();
    for n in 0..20 {
        let json = world.create(&format!("n{n}")).await;
        assert_eq!(
            (&json["status"], &json["durability"], &json["order"]),
            (&json!("accepted"), &json!("spooled"), &json!("on_arrival")),
            "{json}"
        );
        spooled.push(json);
    }
    let report = world.app.health.report();
    assert!(report.ready, "{report:?}");
    let id = spooled[0]["request_id"].as_str().unwrap();
    let (status, _, json) = told(world.app.get(&format!("/v1/requests/{id}"))).await;
    assert_eq!(
        (status.as_u16(), &json["status"]),
        (200, &json!("queued")),
        "{json}"
    );
    assert!(
        json["spooled_seconds"].is_number() && json["position"].is_null(),
        "{json}"
    );
    let waited = Instant::now();
    let call = world
        .app
        .post("/v1/operations/document.create", &city("waits", "x"))
        .header("prefer", "wait=30");
    let (status, _, json) = told(call).await;
    assert_eq!(
        (status.as_u16(), &json["durability"]),
        (202, &json!("spooled"))
    );
    assert!(
        waited.elapsed() < Duration::from_secs(10),
        "nothing is applied meanwhile"
    );
    world.outage.mend();
    for json in &spooled {
        world
            .until_applied(json["request_id"].as_str().unwrap())
            .await;
    }
    let events = world.app.events().await;
    assert_eq!(events.len(), 22);
    // A place in the spool is none in the log: no event may claim to have no copy before one.
    let seen: Vec<_> = events.iter().map(|event| event.seen.get()).collect();
    assert!(seen.iter().all(|seen| *seen <= 1), "{seen:?}");
    let after = spooled[19]["token"].as_str().unwrap();
    let read = format!("/v1/documents/geo/cities/n19?after={after}");
    let (status, _, json) = told(world.app.get(&read)).await;
    assert_eq!(status.as_u16(), 200, "{json}");
    let later = world.create("later").await;
    assert_eq!(
        (&later["durability"], &later["order"]),
        (&json!("logged"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulks_and_kuzzles_writes_are_spooled_too() {
    let world = world(quick(), true).await;
    world.outage.cut();
    let lines: String = (0..50)
        .map(|n| format!("{}\n", city(&format!("b{n}"), "x")))
        .collect();
    let bulk = world
        .app
        .client
        .post(world.app.url("/v1/operations/document.create/_bulk"))
        .header("content-type", "application/x-ndjson")
        .body(lines);
    let text = bulk.send().await.unwrap().text().await.unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 51, "{text}");
    assert!(
        answers[..50]
            .iter()
            .all(|line| line["durability"] == "spooled"),
        "{text}"
    );
    let summary = &answers[50]["summary"];
    assert_eq!(
        (&summary["accepted"], &summary["refused"]),
        (&json!(50), &json!(0))
    );
    let token = summary["token"].as_str().unwrap().to_owned();
    let read = format!("/v1/documents/geo/cities/b49?after={token}");
    let waits = world.app.get(&read).header("prefer", "wait=1");
    let json = problem(waits, 504, "not_yet").await;
    assert_eq!(json["progress"][0]["number"], 49, "{json}");
    let kuzzle = world
        .app
        .post("/geo/cities/k1/_create", &json!({"name": "k"}));
    let (_, _, json) = told(kuzzle).await;
    assert_eq!(
        json["error"]["id"], "services.storage.not_yet_applied",
        "{json}"
    );
    let publish = json!({"index": "geo", "collection": "cities", "body": {"hello": 1}});
    let (status, _, json) = told(world.app.post("/v1/operations/realtime.publish", &publish)).await;
    assert_eq!(
        (status.as_u16(), &json["durability"]),
        (202, &json!("spooled")),
        "{json}"
    );
    world.outage.mend();
    let (status, _, json) = told(world.app.get(&read)).await;
    assert_eq!(status.as_u16(), 200, "{json}");
    for id in ["b0", "b49", "k1"] {
        let begun = Instant::now();
        while told(world.app.get(&format!("/v1/documents/geo/cities/{id}")))
            .await
            .0
            != 200
        {
            assert!(begun.elapsed() < Duration::from_secs(10), "{id} is missing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The spool of one gateway cannot be looked into by another: its row in the record store can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_gateway_says_queued_while_a_spool_holds_something_and_404_after() {
    let world = world(quick(), true).await;
    let app = &world.app;
    let other = app.sibling(gateway::Config::default()).await;
    let never = event_schema::id::RequestId::mint(&app.keys, 1, 0, [7; 16]).to_string();
    let asked = async |id: &str| {
        let path = format!("http://{other}/v1/requests/{id}");
        let (status, _, json) = told(app.client.get(path)).await;
        (status.as_u16(), json)
    };
    assert_eq!(asked(&never).await.0, 404, "no spool holds anything");
    world.outage.cut();
    let spooled = world.create("n").await;
    assert_eq!(spooled["durability"], "spooled");
    let id = spooled["request_id"].as_str().unwrap();
    for id in [id, &never] {
        let (status, json) = asked(id).await;
        assert_eq!((status, &json["status"]), (200, &json!("queued")), "{json}");
        assert!(json["position"].is_null() && json["spooled_seconds"].is_number());
    }
    world.outage.mend();
    world.until_applied(id).await;
    assert_eq!(asked(id).await.1["status"], "applied");
    let begun = Instant::now();
    while asked(&never).await.0 != 404 {
        assert!(begun.elapsed() < Duration::from_secs(20), "its row stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Nobody said yet what the log is: its topics may not be there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_never_found_its_log_takes_writes() {
    let (found, durability) = watch::channel(None);
    let world = world_of(quick(), true, durability).await;
    let json = world.create("early").await;
    assert_eq!(json["durability"], "spooled");
    let spool = world.app.spool.clone().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        spool.status().records,
        1,
        "it was shipped to a log that nobody has looked at"
    );
    found.send_replace(Some(event_log::Durability::Logged));
    world
        .until_applied(json["request_id"].as_str().unwrap())
        .await;
}

/// An earlier process, with another catalog, left an event that its log never had.
async fn left_behind(root: &Path) {
    let folder = SpoolFolder::open(root, "t").unwrap();
    let record = |topic: &Topic, key: &'static str| NewRecord {
        topic: layout().name(topic).into(),
        partition: 0,
        key: Some(Bytes::from_static(key.as_bytes())),
        value: Some(Bytes::from_static(b"{}")),
        headers: Vec::new(),
    };
    folder.keep_before(&record(&CATALOG, "older")).unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let (log, _) = embedded::open_log(nowhere.path(), embedded::Options::default()).unwrap();
    let spool = Spool::new(folder, log.publisher, spool_options(&quick()));
    let (stop, until_stopped) = Shutdown::manual();
    let running = tokio::spawn(spool.clone().run(until_stopped));
    let left = spool.send(record(&TRANSACTIONS, "left")).unwrap().await;
    assert!(matches!(left, Ok(Acknowledged::Spooled(_))), "{left:?}");
    stop.hard();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_process_spooled_is_shipped_behind_its_definitions() {
    let folder = tempfile::tempdir().unwrap();
    left_behind(folder.path()).await;
    let found = watch::channel(Some(event_log::Durability::Logged)).1;
    let world = world_in(folder, quick(), false, found).await;
    let sent = |topic: &Topic| world.outage.sent_to(&layout().name(topic));
    let begun = Instant::now();
    while sent(&TRANSACTIONS).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not shipped");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (shipped, key) = sent(&TRANSACTIONS).remove(0);
    assert_eq!(key, "left");
    let definitions = sent(&CATALOG);
    assert_eq!((definitions.len(), &*definitions[0].1), (2, &b"older"[..]));
    assert!(definitions[1].0 < shipped, "{definitions:?}, {shipped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_and_a_log_that_denies_are_503_by_their_names() {
    let config = Config {
        cap_bytes: 3_000,
        ..quick()
    };
    let world = world(config, false).await;
    world.outage.cut();
    let refused = loop {
        let call = world
            .app
            .post("/v1/operations/document.create", &city("x", "x"));
        let answer = call.send().await.unwrap();
        if answer.status().as_u16() == 503 {
            break answer;
        }
        assert_eq!(answer.status().as_u16(), 202);
    };
    assert!(refused.headers().contains_key("retry-after"));
    let json: Value = refused.json().await.unwrap();
    assert_eq!(json["code"], "spool_full", "{json}");
    world.outage.deny("wrong password");
    let call = world
        .app
        .post("/v1/operations/document.create", &city("y", "x"));
    problem(call, 503, "log_denied").await;
    let begun = Instant::now();
    while world.app.health.report().ready {
        assert!(begun.elapsed() < Duration::from_secs(10), "no alarm");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
