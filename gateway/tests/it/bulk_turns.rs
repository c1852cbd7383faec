//! A bulk that waits for the log has lines that were given their turn to read meanwhile: they take it, and
//! pass it on.

use crate::{
    harness::{Builder, city, told},
    silent::keep_back,
    slow_record::{LookUps, SlowRecord},
};
use event_log::Log;
use event_schema::topics::TRANSACTIONS;
use gateway::Config;
use std::{sync::Arc, time::Duration};
use store::Collection;
use tokio::{sync::Semaphore, time::timeout};

#[tokio::test]
async fn a_bulk_that_waits_for_the_log_keeps_nobody_from_reading() {
    let reads = Arc::<LookUps>::default();
    let given = reads.clone();
    let app = Builder {
        worker: false,
        config: Config {
            bulk_in_flight: 1,
            ..Config::default()
        },
        wrap: Box::new(|log: Log| {
            let events = crate::harness::layout().name(&TRANSACTIONS);
            keep_back(log, move |record| *record.topic == *events)
        }),
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, given))),
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    for name in ["one", "two", "three"] {
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
        app.record.create_collection(&collection).await.unwrap();
    }

    // One read at a time, and somebody has the turn.
    let turns = Arc::new(Semaphore::new(1));
    let turn = turns.clone().acquire_owned().await.unwrap();
    reads.take_turns(turns);
    let line = |name: &str| {
        let mut line = city("1", "Paris");
        line["collection"] = name.into();
        line.to_string() + "\n"
    };
    let body = line("cities") + &line("one") + &line("two");
    let path = "/v1/operations/document.create/_bulk";
    let bulk = app.client.post(app.url(path)).body(body);
    let bulk = bulk.header("content-type", "application/x-ndjson").send();
    let bulk = tokio::spawn(bulk);
    while reads.waiting() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The second line reads now; the bulk then waits until the log has the first. The third has the turn.
    drop(turn);
    let read = told(app.get("/v1/documents/geo/three/1"));
    let read = timeout(Duration::from_secs(10), read).await;
    let (status, ..) = read.expect("nobody passes on the turn to read");
    assert_eq!(status, 404);
    bulk.abort();
}
