//! What is deleted of the log, and marks that say to begin there: one that was read a moment before
//! another owner's newer one stood, and one that the record store did not take.

use crate::harness::{World, applied, unmappable};
use event_log::{Admin, AdminError, Durability, Offsets, TopicProblem, TopicSpec, Weakness};
use event_schema::{id::RequestId, offset::TransactionsOffset, topics};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

/// Deletes records of a topic when it was asked where that begins, after the old mark was given out.
struct TrimmingAdmin {
    real: Arc<dyn Admin>,
    faults: Arc<crate::faulty::Faults>,
    topic: String,
    partition: u16,
    before: Mutex<Option<u64>>,
}

#[async_trait::async_trait]
impl Admin for TrimmingAdmin {
    async fn create(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        self.real.create(topics).await
    }
    async fn check(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        self.real.check(topics).await
    }
    async fn offsets(&self, topic: &str, partition: u16) -> Result<Offsets, AdminError> {
        let found = self.real.offsets(topic, partition).await?;
        let is_due = topic == self.topic
            && partition == self.partition
            && self.faults.old_mark.lock().unwrap().is_none();
        let before = is_due.then(|| self.before.lock().unwrap().take()).flatten();
        if let Some(before) = before {
            self.real.delete_before(topic, partition, before).await?;
        }
        Ok(found)
    }
    async fn topic_ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, AdminError> {
        self.real.topic_ids(topics).await
    }
    async fn delete_before(
        &self,
        topic: &str,
        partition: u16,
        offset: u64,
    ) -> Result<(), AdminError> {
        self.real.delete_before(topic, partition, offset).await
    }
    async fn durability(
        &self,
        topics: &[TopicSpec],
    ) -> Result<(Durability, Vec<Weakness>), AdminError> {
        self.real.durability(topics).await
    }
}

/// An update whose event says that no copy of it stands before its own place: only a decision tells
/// that it was decided.
async fn update_at(world: &World, n: u64) -> RequestId {
    let request = json!({"index": "geo", "collection": "cities", "_id": "a", "body": {"n": n}});
    let (mut event, id) = world.event("document.update", request, None);
    event.seen = TransactionsOffset::new(n);
    assert_eq!(world.append(&event).await, n);
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_does_not_begin_where_its_mark_says_is_not_believed() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[first]).await[0]));
    world.marked(first).await;
    worker.stop().await;
    let partition = first.partition();
    let old = world.real.mark(1, partition).await.unwrap();

    let worker = world.worker("w2");
    let second = update_at(&world, 1).await;
    assert!(applied(&world.resolved(&[second]).await[0]));
    world.marked(second).await;
    worker.stop().await;
    let newest = world.real.mark(1, partition).await.unwrap().unwrap();
    let old = old.unwrap();
    assert!(old.reapply_from < newest.reapply_from && old.next < newest.next);

    *world.faults.old_mark.lock().unwrap() = Some(old);
    let log = event_log::Log {
        admin: Arc::new(TrimmingAdmin {
            real: world.log.admin.clone(),
            faults: world.faults.clone(),
            topic: world.layout.name(&topics::CHANGES),
            partition,
            before: Mutex::new(Some(newest.reapply_from.get())),
        }),
        ..world.log.clone()
    };
    let worker = world.worker_over("w3", log);
    let third = update_at(&world, 2).await;
    assert!(applied(&world.resolved(&[third]).await[0]));
    worker.stop().await;
    let changes = world.layout.name(&topics::CHANGES);
    let begins = world.log.admin.offsets(&changes, partition).await.unwrap();
    assert_eq!(begins.earliest, newest.reapply_from.get(), "it was deleted");
    // Once each: as often as it was asked for.
    assert_eq!(world.body("a").await, Some((3, json!({"n": 2}))));
}

/// Newer marks come while one is not taken: whoever comes next begins at the last that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_deleted_for_a_mark_that_the_record_store_did_not_take() {
    let world = World::new().await;
    let worker = world.worker_with("w1", |config| config.history_records = 0);
    let first = world.create("a", json!({"n": 0})).await;
    world.marked(first).await;
    let partition = first.partition();
    world.faults.marks_refused.store(true, Ordering::SeqCst);
    let kept = world.real.mark(1, partition).await.unwrap().unwrap();
    let mut last = first;
    for n in 1..20 {
        last = world.update("a", json!({"n": n})).await;
        assert!(applied(&world.resolved(&[last]).await[0]));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let changes = world.layout.name(&topics::CHANGES);
    let begins = || world.log.admin.offsets(&changes, partition);
    let earliest = begins().await.unwrap().earliest;
    assert!(
        earliest <= kept.reapply_from.get(),
        "{earliest}: {kept:?} is what the record store has"
    );
    world.faults.marks_refused.store(false, Ordering::SeqCst);
    world.marked(last).await;
    let last = world.update("a", json!({"n": 20})).await;
    world.marked(last).await;
    worker.stop().await;
    let earliest = begins().await.unwrap().earliest;
    assert!(earliest > kept.reapply_from.get(), "{earliest}: it goes on");
}

/// Each tenure is shorter than the window, since a store takes something not again and again: what is
/// resolved goes all the same once the store cannot go back before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_forgetful_store_needs_no_more_goes_however_short_tenures_are() {
    const WINDOW: Duration = Duration::from_secs(2);
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let worker = world.worker_with("w1", |config| {
        config.history_records = 0;
        config.reapply_window_ms = Some(WINDOW.as_millis() as u64);
    });
    let first = world.create("a", json!({"n": 0})).await;
    world.marked(first).await;
    let topics = [&topics::TRANSACTIONS, &topics::CHANGES];
    let until = Instant::now() + 15 * WINDOW;
    loop {
        let mut begins = Vec::new();
        for topic in topics {
            let topic = world.layout.name(topic);
            let offsets = world.log.admin.offsets(&topic, first.partition()).await;
            begins.push(offsets.unwrap().earliest);
        }
        if begins.iter().all(|earliest| *earliest > 0) {
            break;
        }
        assert!(Instant::now() < until, "{begins:?} are the first of each");
        let refused = world.update("a", json!({"n": "poison"})).await;
        assert!(unmappable(&world.resolved(&[refused]).await[0]));
        let last = world.update("a", json!({"n": 1})).await;
        world.marked(last).await;
        tokio::time::sleep(WINDOW / 10).await;
    }
    worker.stop().await;
}
