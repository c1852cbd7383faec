//! The order of one connection's writes: what arrived first is handed to the log first, however
//! long each takes to be validated, and whatever becomes of those before.

use crate::{
    harness::{App, Builder, told},
    raw::Raw,
    slow_record::{LookUp, LookUps, SlowRecord},
    socket::Socket,
};
use event_log::{Delivery, Log, NewRecord, Publisher, SendError};
use event_schema::topics::{INFORMATIVE, TRANSACTIONS};
use gateway::Config;
use parking_lot::Mutex;
use runtime::{Clock, SystemClock};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use store::Collection;

/// Notes what is handed over, in order.
struct Witness {
    real: Arc<dyn Publisher>,
    seen: Arc<Mutex<Vec<NewRecord>>>,
}

#[async_trait::async_trait]
impl Publisher for Witness {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let mut seen = self.seen.lock();
        seen.push(record.clone());
        self.real.send(record)
    }
    async fn flush(&self, limit: Duration) -> usize {
        self.real.flush(limit).await
    }
    fn healthy(&self) -> bool {
        self.real.healthy()
    }
}

/// Every look at it takes a while, and never the same: a gateway that is slow in its own stages.
#[derive(Debug, Default)]
struct SlowClock(AtomicU64);

impl Clock for SlowClock {
    fn now(&self) -> i64 {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(n * 7919 % 3_000));
        SystemClock.now()
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }
}

struct World {
    app: App,
    look_ups: Arc<LookUps>,
    seen: Arc<Mutex<Vec<NewRecord>>>,
}

async fn world(worker: bool, clock: Arc<dyn Clock>) -> World {
    let (look_ups, seen) = (Arc::<LookUps>::default(), Arc::<Mutex<Vec<_>>>::default());
    let (given, witness) = (look_ups.clone(), seen.clone());
    let app = Builder {
        worker,
        clock,
        wrap: Box::new(move |log: Log| Log {
            publisher: Arc::new(Witness {
                real: log.publisher.clone(),
                seen: witness,
            }),
            ..log
        }),
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, given))),
        ..Builder::default()
    }
    .start()
    .await;
    World {
        app,
        look_ups,
        seen,
    }
}

impl World {
    /// A collection that this gateway has not heard of: it will look it up.
    async fn unheard_of(&self, name: &str) {
        let collection = Collection {
            index: "geo".into(),
            collection: name.into(),
            incarnation: "unheard0".into(),
            mappings: None,
            settings: None,
            created: 0,
            specifications: None,
            changing: None,
        };
        self.app
            .record
            .create_collection(&collection)
            .await
            .unwrap();
    }

    /// The bodies' `n` of what was handed over to a topic.
    fn handed(&self, topic: &event_schema::topics::Topic) -> Vec<u64> {
        let topic = self.app.layout.name(topic);
        let n = |record: &NewRecord| {
            let data: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
            data["request"]["body"]["n"].as_u64()
        };
        let seen = self.seen.lock();
        let records = seen.iter().filter(|record| *record.topic == *topic);
        records.filter_map(n).collect()
    }
}

fn takes(millis: u64) -> LookUp {
    LookUp::Takes(Duration::from_millis(millis))
}

fn document(action: &str, collection: &str, id: &str, body: Value) -> Value {
    json!({"controller": "document", "action": action, "index": "geo", "collection": collection, "_id": id, "body": body})
}

#[tokio::test]
async fn an_update_behind_its_create_finds_it() {
    let world = world(true, Arc::new(SystemClock)).await;
    let mut socket = Socket::connect(world.app.address).await;
    for round in 0..10 {
        let name = format!("c{round}");
        world.unheard_of(&name).await;
        // The first to come is the last to know its collection.
        world.look_ups.next([takes(60), takes(30), takes(1)]);
        let mut ids = Vec::new();
        for (action, body) in [
            ("create", json!({"n": 0})),
            ("update", json!({"n": 1})),
            ("delete", Value::Null),
        ] {
            ids.push(socket.begin(document(action, &name, "x", body)).await);
        }
        for id in ids {
            let answer = socket.answer(&id).await;
            assert_eq!(answer["status"], 200, "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_messages_are_handed_over_in_order() {
    let world = world(false, Arc::new(SlowClock::default())).await;
    let mut socket = Socket::connect(world.app.address).await;
    let mut ids = Vec::new();
    for n in 0..100 {
        let message = json!({"controller": "realtime", "action": "publish", "index": "geo", "collection": "buses", "body": {"n": n}});
        ids.push(socket.begin(message).await);
    }
    for id in ids {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
    assert_eq!(world.handed(&INFORMATIVE), (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_of_many_values_stands() {
    let world = world(true, Arc::new(SlowClock::default())).await;
    world.app.cities().await;
    let mut socket = Socket::connect(world.app.address).await;
    let mut ids = Vec::new();
    for n in 0..60 {
        let request = document("createOrReplace", "cities", "slider", json!({"n": n}));
        ids.push(socket.begin(request).await);
    }
    for id in ids {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
    assert_eq!(world.handed(&TRANSACTIONS), (0..60).collect::<Vec<_>>());
    let read = told(world.app.get("/v1/documents/geo/cities/slider"))
        .await
        .2;
    assert_eq!(read["_source"]["n"], 59);
}

#[tokio::test]
async fn validation_goes_on_side_by_side_and_answers_come_as_they_complete() {
    let world = world(true, Arc::new(SystemClock)).await;
    world.app.cities().await;
    let mut socket = Socket::connect(world.app.address).await;
    let mut ids = Vec::new();
    for n in 0..20 {
        world.unheard_of(&format!("c{n}")).await;
    }
    world.look_ups.next((0..20).map(|_| takes(1_000)));
    let begun = Instant::now();
    for n in 0..20 {
        let request = document("create", &format!("c{n}"), "x", json!({"n": n}));
        ids.push(socket.begin(request).await);
    }
    // What hands nothing over waits for nobody.
    let read = json!({"controller": "server", "action": "now"});
    assert_eq!(socket.ask(read).await["status"], 200);
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    for id in ids {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(world.handed(&TRANSACTIONS), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_fails_or_panics_in_the_middle_stops_nobody() {
    let world = world(true, Arc::new(SystemClock)).await;
    world.unheard_of("slow").await;
    let mut socket = Socket::connect(world.app.address).await;
    world
        .look_ups
        .next([takes(200), LookUp::Panics, takes(50), takes(1), takes(1)]);
    let requests = [
        (document("create", "slow", "0", json!({"n": 0})), 200),
        (document("create", "slow", "1", json!({"n": 1})), 500),
        (document("create", "nowhere", "2", json!({"n": 2})), 412),
        (document("create", "slow", "3", json!("no object")), 400),
        (document("nonsense", "slow", "4", json!({"n": 4})), 404),
        (json!({"controller": 5}), 400),
        (document("create", "slow", "6", json!({"n": 6})), 200),
    ];
    let mut ids = Vec::new();
    for (request, status) in requests {
        ids.push((socket.begin(request).await, status));
    }
    // The answer to a handler that panics does not know its request.
    for (id, status) in ids.into_iter().filter(|(_, status)| *status != 500) {
        let answer = socket.answer(&id).await;
        assert_eq!(answer["status"], status, "{answer}");
    }
    assert_eq!(world.handed(&TRANSACTIONS), [0, 6]);
}

#[tokio::test]
async fn a_connection_that_goes_leaves_its_writes_in_order() {
    let world = world(false, Arc::new(SystemClock)).await;
    for n in 0..5 {
        world.unheard_of(&format!("c{n}")).await;
    }
    world
        .look_ups
        .next([takes(200), takes(100), takes(50), takes(10), takes(1)]);
    let mut socket = Socket::connect(world.app.address).await;
    for n in 0..5 {
        let request = document("create", &format!("c{n}"), "x", json!({"n": n}));
        socket.begin(request).await;
    }
    // The frames are there before the end is.
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(socket);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.handed(&TRANSACTIONS), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn batches_imports_and_queries_keep_their_place() {
    let world = world(true, Arc::new(SystemClock)).await;
    world.app.cities().await;
    world.unheard_of("many").await;
    let mut socket = Socket::connect(world.app.address).await;
    let before = document("create", "cities", "found", json!({"n": 1000, "name": "x"}));
    assert_eq!(socket.ask(before).await["status"], 200);
    world.seen.lock().clear();
    world
        .look_ups
        .next([takes(80), takes(1), takes(1), takes(1)]);
    let on = |action: &str, body: Value| json!({"controller": "document", "action": action, "index": "geo", "collection": "many", "body": body});
    let items = |range: std::ops::Range<u64>| -> Vec<Value> {
        range
            .map(|n| json!({"_id": "same", "body": {"n": n}}))
            .collect()
    };
    let mut import = on(
        "import",
        json!({"bulkData": [
            {"index": {"_id": "same"}}, {"n": 5}, {"update": {"_id": "same"}}, {"doc": {"n": 6}},
            {"index": {"_id": "same"}}, {"n": 7},
        ]}),
    );
    import["controller"] = "bulk".into();
    let mut by_query = on("deleteByQuery", json!({"query": {"term": {"name": "x"}}}));
    by_query["collection"] = "cities".into();
    let requests = [
        on("mCreateOrReplace", json!({"documents": items(0..4)})),
        document("createOrReplace", "many", "same", json!({"n": 4})),
        import,
        by_query,
        document("create", "cities", "found", json!({"n": 8})),
        on("mUpdate", json!({"documents": items(9..12)})),
    ];
    let mut ids = Vec::new();
    for request in requests {
        ids.push(socket.begin(request).await);
    }
    for id in ids {
        let answer = socket.answer(&id).await;
        assert_eq!(answer["status"], 200, "{answer}");
    }
    assert_eq!(world.handed(&TRANSACTIONS), (0..12).collect::<Vec<_>>());
    let read = told(world.app.get("/v1/documents/geo/many/same")).await.2;
    assert_eq!(read["_source"]["n"], 11);
    let read = told(world.app.get("/v1/documents/geo/cities/found"))
        .await
        .2;
    assert_eq!(read["_source"]["n"], 8, "created behind the deletion");
}

/// A request as it goes over the wire.
fn post(path: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn pipelined_http_keeps_its_order_with_bulks_in_between() {
    let world = world(true, Arc::new(SystemClock)).await;
    world.unheard_of("piped").await;
    world.look_ups.next([takes(150), takes(1)]);
    let put = |n: u64| {
        json!({"index": "geo", "collection": "piped", "_id": "x", "body": {"n": n}}).to_string()
    };
    let single = |n| {
        post(
            "/v1/operations/document.createOrReplace",
            "application/json",
            &put(n),
        )
    };
    let bulk = (1..20).map(|n| put(n) + "\n").collect::<String>();
    let kuzzle = post(
        "/geo/piped/_mWrite",
        "application/json",
        &json!({"documents": [{"_id": "x", "body": {"n": 21}}]}).to_string(),
    );
    let all = single(0)
        + &post(
            "/v1/operations/document.createOrReplace/_bulk",
            "application/x-ndjson",
            &bulk,
        )
        + &single(20)
        + &kuzzle
        + &single(22).replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n");
    let mut raw = Raw::connect(world.app.address).await;
    raw.send(all).await;
    let answers = raw.rest().await;
    assert_eq!(answers.matches("HTTP/1.1 20").count(), 5, "{answers}");
    assert_eq!(world.handed(&TRANSACTIONS), (0..23).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_repeated_for_a_new_incarnation_overtakes_nothing() {
    let app = crate::harness::app().await;
    app.cities().await;
    let other = app.sibling(Config::default()).await;
    let mut socket = Socket::connect(app.address).await;
    let put = |id: &str, n: u64| document("createOrReplace", "cities", id, json!({"n": n}));
    for round in 0..5 {
        assert_eq!(socket.ask(put("x", 0)).await["status"], 200);
        let truncate = json!({"controller": "collection", "action": "truncate", "index": "geo", "collection": "cities"});
        assert_eq!(
            Socket::connect(other).await.ask(truncate).await["status"],
            200
        );
        // This gateway still believes in the old incarnation.
        let mut ids = Vec::new();
        for n in 1..=20 {
            ids.push(socket.begin(put("x", n)).await);
            ids.push(socket.begin(put(&format!("{n}"), n)).await);
        }
        let mut last = 0;
        for (at, id) in ids.into_iter().enumerate() {
            let answer = socket.answer(&id).await;
            if at % 2 == 1 {
                assert_eq!(answer["status"], 200, "nothing is behind it: {answer}");
            } else if answer["status"] == 200 {
                last = at as u64 / 2 + 1;
            }
        }
        let read = told(app.get("/v1/documents/geo/cities/x")).await.2;
        assert_eq!(
            (read["_source"]["n"].as_u64(), last),
            (Some(20), 20),
            "round {round}"
        );
    }
}
