//! A worker that stood still, or whose log is away, for more than a minute: before it writes to a
//! store again, an append of its tenure must land.

use crate::harness::{PARTITIONS, Running, World, applied};
use event_log::{Delivery, Log, NewRecord, Publisher, SendError};
use event_schema::{
    codec,
    decision::{Change, Open},
    id::{EntityKey, RequestId},
    topics,
};
use runtime::clock::ManualClock;
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::watch;

const SOON: Duration = Duration::from_millis(200);
/// Longer than an owner believes that it is one.
const MINUTE: u32 = 61_000;

/// While it is held, nothing that is appended to `changes` lands.
struct Held {
    inner: Arc<dyn Publisher>,
    changes: String,
    holds: watch::Receiver<bool>,
}

#[async_trait::async_trait]
impl Publisher for Held {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        if *record.topic != *self.changes || !*self.holds.borrow() {
            return self.inner.send(record);
        }
        let (sender, delivery) = Delivery::pair();
        let (inner, mut holds) = (self.inner.clone(), self.holds.clone());
        tokio::spawn(async move {
            _ = holds.wait_for(|holds| !*holds).await;
            sender.send(inner.send(record).unwrap().await);
        });
        Ok(delivery)
    }

    async fn flush(&self, limit: Duration) -> usize {
        self.inner.flush(limit).await
    }

    fn healthy(&self) -> bool {
        self.inner.healthy()
    }
}

/// A worker by a clock of its own, with a decided event that the view does not take.
struct Scene {
    world: World,
    clock: Arc<ManualClock>,
    hold: watch::Sender<bool>,
    worker: Running,
    event: RequestId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        world.faults.view_away.store(true, Ordering::SeqCst);
        let clock = Arc::new(ManualClock::at(1_700_000_000_000));
        let (hold, holds) = watch::channel(false);
        let log = Log {
            publisher: Arc::new(Held {
                inner: world.log.publisher.clone(),
                changes: world.layout.name(&topics::CHANGES),
                holds,
            }),
            ..world.log.clone()
        };
        let worker = world.worker_by("w1", clock.clone(), log);
        let event = world.create("a", json!({"n": 0})).await;
        let scene = Self {
            world,
            clock,
            hold,
            worker,
            event,
        };
        scene.tries_after(0).await;
        scene
    }

    fn tries(&self) -> usize {
        self.world.faults.view_tries.load(Ordering::SeqCst)
    }

    /// Waits for more tries than these.
    async fn tries_after(&self, count: usize) {
        self.until("it tries", async || self.tries() > count).await;
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !is_so().await {
            assert!(Instant::now() < until, "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn partition() -> u16 {
        EntityKey("geo/cities/a".into()).partition(PARTITIONS)
    }

    /// Records of a kind in the event's partition of `changes`.
    async fn changes(&self, kind: &str) -> usize {
        let records = self.world.changes(Self::partition()).await;
        let is_of_kind = |record: &&event_log::Record| {
            let of = record.headers.iter().find(|(name, _)| name == "ce_type");
            of.is_some_and(|(_, of)| *of == *kind)
        };
        records.iter().filter(is_of_kind).count()
    }

    async fn ends_applied(self) {
        self.world.faults.view_away.store(false, Ordering::SeqCst);
        assert!(applied(&self.world.resolved(&[self.event]).await[0]));
        self.worker.stop().await;
    }
}

/// The owner is the same, and says so in a mark.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_goes_before_the_next_try() {
    let scene = Scene::new().await;
    let before = (
        scene.changes(codec::OPEN).await,
        scene.changes(codec::MARK).await,
    );
    scene.clock.advance(MINUTE);
    scene
        .until("a mark", async || {
            scene.changes(codec::MARK).await > before.1
        })
        .await;
    scene.tries_after(scene.tries()).await;
    assert_eq!(
        scene.changes(codec::OPEN).await,
        before.0,
        "the tenure goes on"
    );
    scene.ends_applied().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_tried_while_no_append_lands() {
    let scene = Scene::new().await;
    scene.hold.send_replace(true);
    scene.clock.advance(MINUTE);
    // One may be under way.
    tokio::time::sleep(SOON).await;
    let tries = scene.tries();
    tokio::time::sleep(2 * SOON).await;
    assert_eq!(
        scene.tries(),
        tries,
        "it writes without knowing that it is the owner"
    );
    scene.hold.send_replace(false);
    scene.tries_after(tries).await;
    scene.ends_applied().await;
}

/// What was sent before the minute shows nothing of what came after, however late it is heard of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_counts_from_when_it_was_sent() {
    let scene = Scene::new().await;
    scene.hold.send_replace(true);
    scene.clock.advance(MINUTE);
    // A mark is sent, and held.
    tokio::time::sleep(SOON).await;
    let marks = scene.changes(codec::MARK).await;
    scene.clock.advance(MINUTE);
    scene.hold.send_replace(false);
    // The one that was held is too old by now.
    scene
        .until("two marks", async || {
            scene.changes(codec::MARK).await >= marks + 2
        })
        .await;
    scene.ends_applied().await;
}

/// It woke up, and another one had taken the partition: it takes it again before it tries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_open_is_found_before_the_next_try() {
    let scene = Scene::new().await;
    let opens = scene.changes(codec::OPEN).await;
    let (owner, time) = ("another".into(), 0);
    let parts = codec::encode_change(&Change::Open(Open { owner, time }));
    let record = NewRecord {
        topic: Arc::from(scene.world.layout.name(&topics::CHANGES)),
        partition: Scene::partition(),
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    };
    let publisher = &scene.world.log.publisher;
    publisher.send(record).unwrap().await.unwrap();
    scene.clock.advance(MINUTE);
    scene
        .until("it opens again", async || {
            scene.changes(codec::OPEN).await >= opens + 2
        })
        .await;
    scene.ends_applied().await;
}

/// While a partition is being taken no one appends marks: it is taken again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taking_that_lasts_for_a_minute_begins_again() {
    let scene = Scene::new().await;
    let Scene {
        world,
        clock,
        worker,
        ..
    } = &scene;
    let second = world.worker_by("w2", clock.clone(), world.log.clone());
    worker.trigger.hard();
    let opens = scene.changes(codec::OPEN).await;
    scene
        .until("w2 has it", async || {
            scene.changes(codec::OPEN).await > opens
        })
        .await;
    scene.tries_after(scene.tries()).await;
    let opens = scene.changes(codec::OPEN).await;
    scene.clock.advance(MINUTE);
    scene
        .until("it opens again", async || {
            scene.changes(codec::OPEN).await > opens
        })
        .await;
    scene.world.faults.view_away.store(false, Ordering::SeqCst);
    assert!(applied(&scene.world.resolved(&[scene.event]).await[0]));
    second.stop().await;
}

/// The decider waits for a catalog that is not published yet; what is being applied does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_catalog_holds_no_proof_up() {
    let scene = Scene::new().await;
    let request = json!({"index": "geo", "collection": "cities", "_id": "a", "body": {"n": 1}});
    let (mut event, _) = scene.world.event("document.update", request, None);
    event.attributes.catalog = "of-next-week".into();
    scene.world.append(&event).await;
    tokio::time::sleep(SOON).await;
    scene.clock.advance(MINUTE);
    // One may be under way.
    tokio::time::sleep(SOON).await;
    scene.tries_after(scene.tries()).await;
    let known = scene.world.real.ledger(&[scene.event]).await.unwrap();
    assert!(known[0].is_none(), "{known:?}");
    scene.world.faults.view_away.store(false, Ordering::SeqCst);
    assert!(applied(&scene.world.resolved(&[scene.event]).await[0]));
    scene.worker.cut().await;
}

/// A worker that stops still finishes what is in hand, and shows that it may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_proves_its_tenure_too() {
    let scene = Scene::new().await;
    scene.worker.trigger.soft();
    tokio::time::sleep(SOON).await;
    scene.clock.advance(MINUTE);
    tokio::time::sleep(SOON).await;
    scene.world.faults.view_away.store(false, Ordering::SeqCst);
    scene.worker.handle.await.unwrap().unwrap();
    let known = scene.world.real.ledger(&[scene.event]).await.unwrap();
    assert!(known[0].as_ref().is_some_and(applied), "{known:?}");
}
