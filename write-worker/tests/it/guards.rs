//! What a worker must not take for something else: a newer event for a damaged one, a damaged record
//! for the request whose id it bears, a slow store for one that was away, another store for the one
//! that the log was applied to.

use crate::harness::{PARTITIONS, World, applied};
use event_log::NewRecord;
use event_schema::{codec, id::EntityKey, outcome::Verdict, topics};
use runtime::State;
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_millis(300);

impl World {
    async fn append_parts(&self, topic: &topics::Topic, partition: u16, parts: codec::Parts) {
        let record = NewRecord {
            topic: Arc::from(self.layout.name(topic)),
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        self.log.publisher.send(record).unwrap().await.unwrap();
    }
}

fn partition_of(id: &str) -> u16 {
    EntityKey(format!("geo/cities/{id}")).partition(PARTITIONS)
}

/// A rolling upgrade, gateway first: an old worker waits for a newer one, what came before is
/// applied, and not a letter is dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_newer_level_waits_and_is_never_dead() {
    let world = World::new().await;
    let before = world.create("a", json!({"n": 0})).await;
    let (event, newer) = world.event(
        "document.update",
        json!({"index": "geo", "collection": "cities", "_id": "a", "body": {"n": 1}}),
        None,
    );
    let mut parts = codec::encode_transaction(&event);
    parts
        .headers
        .retain(|(name, _)| name != codec::LEVEL_HEADER);
    parts.headers.push((codec::LEVEL_HEADER.into(), "3".into()));
    parts
        .headers
        .push(("consign-something-new".into(), "x".into()));
    world
        .append_parts(&topics::TRANSACTIONS, partition_of("a"), parts)
        .await;
    let behind = world.update("a", json!({"n": 2})).await;
    let worker = world.worker("w1");
    assert!(applied(&world.resolved(&[before]).await[0]));
    tokio::time::sleep(SOON).await;
    let known = world.real.ledger(&[newer, behind]).await.unwrap();
    assert!(known.iter().all(Option::is_none), "{known:?}");
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(world.body("a").await, Some((1, json!({"n": 0}))));
    // It is shown once the partition was taken again a few times.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let shown = worker.health.report().components;
        let waits = shown.iter().any(|(_, state)| {
            matches!(state, State::Missing { why } if why.contains("waits for a newer worker"))
        });
        if waits {
            break;
        }
        assert!(Instant::now() < until, "{shown:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.stop().await;
}

/// A record that cannot be decoded bears the id of a request that was applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_takes_no_verdict_away() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let (event, id) = world.event(
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "a", "body": {}}),
        None,
    );
    world.append(&event).await;
    assert!(applied(&world.resolved(&[id]).await[0]));
    let mut parts = codec::encode_transaction(&event);
    parts.value = Some("{\"request\"".into());
    world
        .append_parts(&topics::TRANSACTIONS, partition_of("a"), parts)
        .await;
    let next = world.update("a", json!({"n": 1})).await;
    assert!(applied(&world.resolved(&[next]).await[0]));
    assert!(
        applied(&world.resolved(&[id]).await[0]),
        "the copy replaced the verdict"
    );
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_ne!(letters[0].request, id);
    assert!(matches!(
        world.resolved(&[letters[0].request]).await[0].verdict,
        Verdict::DeadLettered(_)
    ));
    worker.stop().await;
}

/// One time-out of a store that may forget is no absence: the minute is not applied again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_was_not_away() {
    let world = World::new().await;
    world.faults.forgetful.store(true, Ordering::SeqCst);
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[first]).await[0]));
    tokio::time::sleep(SOON).await;
    let opens = world.opens().await;
    world.faults.record_slow.store(3, Ordering::SeqCst);
    let next = world.update("a", json!({"n": 1})).await;
    assert!(applied(&world.resolved(&[next]).await[0]));
    tokio::time::sleep(SOON).await;
    assert_eq!(
        world.opens().await,
        opens,
        "partitions were taken again for a time-out"
    );
    worker.stop().await;
}

/// The keyspace was dropped, or another one named: nothing is decided over an empty store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_a_mark_over_a_trimmed_log_halts_the_partition() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[first]).await[0]));
    worker.stop().await;
    let changes = world.layout.name(&topics::CHANGES);
    let partition = partition_of("a");
    let admin = &world.log.admin;
    admin.delete_before(&changes, partition, 1).await.unwrap();
    world.faults.no_mark.store(true, Ordering::SeqCst);
    let worker = world.worker("w2");
    let second = world.update("a", json!({"n": 1})).await;
    tokio::time::sleep(SOON).await;
    let known = world.real.ledger(&[second]).await.unwrap();
    assert!(known[0].is_none(), "{known:?}");
    let shown = worker.health.report().components;
    let halted = shown.iter().any(|(name, state)| {
        let is_this = name.ends_with(&format!("partition {partition}"));
        is_this && matches!(state, State::Missing { why } if why.contains("no mark"))
    });
    assert!(halted, "{shown:?}");
    worker.stop().await;
}
