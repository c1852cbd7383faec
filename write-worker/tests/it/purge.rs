//! Intents to purge deletion markers: what goes is gone from the stores for good, and what could come
//! back, or is not the marker that was seen, stays with a reason.

use crate::{
    faulty::Abyss,
    harness::{World, applied, collection},
};
use event_schema::{
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    outcome::{LedgerEntry, Verdict},
    position::Version,
    purge::{MarkerObstacle, MarkerToPurge, PURGE, PurgeIntent, PurgeResult},
};
use serde_json::json;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use store::StoredDocument;

fn document(id: &str) -> DocumentKey {
    let collection = collection();
    DocumentKey {
        index: collection.index,
        collection: collection.collection,
        incarnation: collection.incarnation,
        id: id.into(),
    }
}

fn key(id: &str) -> EntityKey {
    EntityKey(document(id).to_string())
}

async fn stored(world: &World, id: &str) -> Option<StoredDocument> {
    let found = world.real.documents(&[document(id)]).await.unwrap();
    found.into_iter().next().unwrap()
}

async fn version(world: &World, id: &str) -> Version {
    stored(world, id).await.unwrap().meta.version
}

pub async fn delete(world: &World, id: &str) -> RequestId {
    let request = json!({"index": "geo", "collection": "cities", "_id": id});
    world.write("document.delete", request).await
}

/// Made and deleted; the last request.
async fn deleted(world: &World, id: &str) -> RequestId {
    let made = world.create(id, json!({"n": 1})).await;
    let gone = delete(world, id).await;
    let entries = world.resolved(&[made, gone]).await;
    assert!(entries.iter().all(applied), "{entries:?}");
    gone
}

/// Asks for the marker as it is.
pub async fn purge(world: &World, id: &str) -> PurgeResult {
    let seen = version(world, id).await;
    purge_seen(world, id, seen).await
}

async fn purge_seen(world: &World, id: &str, version: Version) -> PurgeResult {
    let intent = PurgeIntent {
        markers: vec![MarkerToPurge {
            document: document(id),
            version,
            key: key(id),
        }],
        older_than_ms: 0,
        reason: Some("a test".into()),
    };
    let asked = world.intend(PURGE, &key(id), &intent).await;
    let entry = world.resolved(&[asked]).await.remove(0);
    result(&entry)
}

fn result(entry: &LedgerEntry) -> PurgeResult {
    assert!(applied(entry), "{:?}", entry.verdict);
    serde_json::from_str(entry.result.as_ref().unwrap().get()).unwrap()
}

fn why(result: &PurgeResult) -> MarkerObstacle {
    assert_eq!((result.purged, result.left.len()), (0, 1), "{result:?}");
    result.left[0].why
}

pub fn gone() -> PurgeResult {
    PurgeResult {
        purged: 1,
        left: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_document_leaves_nothing_and_can_be_made_again() {
    let world = World::new().await;
    let _worker = world.worker_with("w1", |config| config.markers_kept_ms = 0);
    world.marked(deleted(&world, "a").await).await;
    let seen = version(&world, "a").await;
    assert_eq!(purge(&world, "a").await, gone());
    assert!(stored(&world, "a").await.is_none(), "not even a marker");
    // Asked once more, as by one who goes over the same list again.
    let again = purge_seen(&world, "a", seen).await;
    assert_eq!(why(&again), MarkerObstacle::WrittenSince);
    let made = world.create("a", json!({"n": 5})).await;
    let entries = world.resolved(&[made]).await;
    assert!(applied(&entries[0]), "{:?}", entries[0].verdict);
    assert_eq!(world.body("a").await, Some((1, json!({"n": 5}))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_younger_than_a_day_stays() {
    let world = World::new().await;
    let _worker = world.worker("w1");
    world.marked(deleted(&world, "a").await).await;
    assert_eq!(why(&purge(&world, "a").await), MarkerObstacle::TooYoung);
    assert!(stored(&world, "a").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_since_stays() {
    let world = World::new().await;
    let worker = world.worker_with("w1", |config| config.markers_kept_ms = 0);
    deleted(&world, "a").await;
    let seen = version(&world, "a").await;
    let made = world.create("a", json!({"n": 2})).await;
    world.resolved(&[made]).await;
    let left = purge_seen(&world, "a", seen).await;
    assert_eq!(why(&left), MarkerObstacle::WrittenSince);
    assert_eq!(world.body("a").await, Some((3, json!({"n": 2}))));

    // And what is written in the very batch of the intent, before and behind it.
    deleted(&world, "b").await;
    world.marked(deleted(&world, "c").await).await;
    worker.stop().await;
    let (b, c) = (version(&world, "b").await, version(&world, "c").await);
    let before = world.create("b", json!({"n": 3})).await;
    let intent = |id: &str, version| PurgeIntent {
        markers: vec![MarkerToPurge {
            document: document(id),
            version,
            key: key(id),
        }],
        older_than_ms: 0,
        reason: None,
    };
    let of_b = world.intend(PURGE, &key("b"), &intent("b", b)).await;
    let of_c = world.intend(PURGE, &key("c"), &intent("c", c)).await;
    let behind = world.create("c", json!({"n": 4})).await;
    let _worker = world.worker_with("w2", |config| config.markers_kept_ms = 0);
    let entries = world.resolved(&[before, of_b, of_c, behind]).await;
    assert_eq!(why(&result(&entries[1])), MarkerObstacle::WrittenSince);
    assert_eq!(result(&entries[2]), gone());
    assert_eq!(world.body("b").await, Some((3, json!({"n": 3}))));
    assert_eq!(world.body("c").await, Some((1, json!({"n": 4}))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_whose_key_holds_something_stays() {
    let world = World::new().await;
    let _worker = world.worker_with("w1", |config| config.markers_kept_ms = 0);
    deleted(&world, "a").await;
    *world.faults.record_poison.lock().unwrap() = Some("poison".into());
    let dead = world.create("a", json!({"x": "poison"})).await;
    let is_dead = |verdict: &Verdict| matches!(verdict, Verdict::DeadLettered(_));
    world.becomes(dead, is_dead).await;
    assert!(world.lock(&key("a")).await.is_some());
    assert_eq!(why(&purge(&world, "a").await), MarkerObstacle::Held);
}

/// The mark that the record store has is older than what the worker could say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_stays_until_the_record_store_has_a_mark_behind_it() {
    let world = World::new().await;
    let _worker = world.worker_with("w1", |config| config.markers_kept_ms = 0);
    let first = world.create("a", json!({"n": 1})).await;
    world.marked(first).await;
    world.faults.marks_refused.store(true, Ordering::SeqCst);
    let ids = [
        delete(&world, "a").await,
        world.update("a", json!({})).await,
        world.update("a", json!({})).await,
    ];
    world.resolved(&ids).await;
    assert_eq!(why(&purge(&world, "a").await), MarkerObstacle::InWindow);
    world.faults.marks_refused.store(false, Ordering::SeqCst);
    let last = world.update("a", json!({})).await;
    world.resolved(&[last]).await;
    world.marked(last).await;
    assert_eq!(purge(&world, "a").await, gone());
}

/// Longer than what is to be seen within it takes.
const WINDOW_MS: u64 = 5_000;

/// A worker wakes, takes the partition again, and applies what the window holds: the creation first.
/// It is stopped there, so that what comes behind it cannot hide it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_older_write_of_a_worker_that_applies_again_brings_nothing_back() {
    for window in [WINDOW_MS, 0] {
        let world = World::new().await;
        let settings = |config: &mut write_worker::Config| {
            config.markers_kept_ms = 0;
            config.batch_records = 1;
            config.reapply_window_ms = Some(window);
        };
        let worker = world.worker_with("w1", settings);
        world.marked(world.create("first", json!({})).await).await;
        // In the first window of an owner nothing goes anyway.
        tokio::time::sleep(Duration::from_millis(window)).await;
        world.marked(deleted(&world, "a").await).await;
        let asked = purge(&world, "a").await;
        worker.cut().await;
        *world.faults.abyss.lock().unwrap() = Some(Abyss::BeforeLedger);
        let _worker = world.worker_with("w2", settings);
        let later = world.create("b", json!({"n": 1})).await;
        let until = Instant::now() + Duration::from_secs(20);
        while !world.faults.reached.load(Ordering::SeqCst) {
            assert!(Instant::now() < until, "{later} was never applied");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(world.body("a").await, None, "window {window}");
        if window > 0 {
            assert_eq!(why(&asked), MarkerObstacle::InWindow);
        } else {
            assert_eq!(asked, gone());
        }
    }
}
