//! What a worker reads, counted: repeats, voided events and what it finishes come a batch at a time,
//! however many there are, and no more of it is kept than a batch.

use crate::{
    faulty::Faults,
    harness::{PARTITIONS, World, applied, unmappable},
};
use event_log::{
    Limits, Log, PartitionStream, Record, StreamError,
    consumer::{From, Reader},
};
use event_schema::topics;
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Counts what is read by offsets, topic by topic.
struct CountingReader {
    inner: Arc<dyn Reader>,
    changes: String,
    faults: Arc<Faults>,
    reads: AtomicUsize,
    /// Of each read of more than a record of `changes`: its partition, and how often the record
    /// store had been asked to write before.
    writes_before: Mutex<Vec<(u16, usize)>>,
}

impl CountingReader {
    /// A log that counts, over the one of the world.
    fn over(world: &World) -> (Arc<Self>, Log) {
        let counting = Arc::new(Self {
            inner: world.log.reader.clone(),
            changes: world.layout.name(&topics::CHANGES),
            faults: world.faults.clone(),
            reads: AtomicUsize::new(0),
            writes_before: Mutex::default(),
        });
        let log = Log {
            reader: counting.clone(),
            ..world.log.clone()
        };
        (counting, log)
    }
}

#[async_trait::async_trait]
impl Reader for CountingReader {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        self.inner.tail(topic, partition, from).await
    }

    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        wait: Duration,
    ) -> Result<Vec<Record>, StreamError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if topic == self.changes && until > from + 1 {
            let writes = self.faults.record_writes.load(Ordering::SeqCst);
            self.writes_before.lock().unwrap().push((partition, writes));
        }
        let inner = &self.inner;
        inner
            .read(topic, partition, from, until, limits, wait)
            .await
    }
}

/// An upload that is resumed sends again what was decided before: a batch of it is one question.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_asked_once_for_a_batch_of_repeats() {
    const EVENTS: usize = 300;
    let world = World::new().await;
    let mut events = Vec::new();
    for n in 0..EVENTS {
        let operation = if n == 0 {
            "document.create"
        } else {
            "document.update"
        };
        let request = json!({"index": "geo", "collection": "cities", "_id": "a", "body": {"n": n}});
        events.push(world.event(operation, request, None));
    }
    let ids: Vec<_> = events.iter().map(|(_, id)| *id).collect();
    for (event, _) in &events {
        world.append(event).await;
    }
    let first = world.worker("w1");
    assert!(world.resolved(&ids).await.iter().all(applied));
    first.stop().await;
    // The next worker remembers none of them.
    for (event, _) in &events {
        world.append(event).await;
    }
    let last = world.update("a", json!({"last": true})).await;
    world.faults.ledger_reads.store(0, Ordering::SeqCst);
    let second = world.worker("w2");
    assert!(applied(&world.resolved(&[last]).await[0]));
    let asked = world.faults.ledger_reads.load(Ordering::SeqCst);
    assert!(
        asked < EVENTS / 10,
        "asked {asked} times for {EVENTS} repeats"
    );
    assert_eq!(
        world.body("a").await.map(|(revision, _)| revision),
        Some(EVENTS as u64 + 1)
    );
    second.stop().await;
}

/// All that rests on what the view refuses is voided and decided again, by a read for many of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn voided_events_are_read_many_at_once() {
    const CHAIN: usize = 400;
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let good = world.create("a", json!({"n": 0})).await;
    let refused = world.update("a", json!({"x": "poison"})).await;
    let mut behind = vec![good];
    for n in 0..CHAIN {
        behind.push(world.update("a", json!({"n": n})).await);
    }
    let (counting, log) = CountingReader::over(&world);
    let worker = world.worker_with_batch_records("w1", log, 2 * CHAIN);
    assert!(world.resolved(&behind).await.iter().all(applied));
    assert!(unmappable(&world.resolved(&[refused]).await[0]));
    let reads = counting.reads.load(Ordering::SeqCst);
    assert!(reads < CHAIN / 4, "{reads} reads for {CHAIN} voided events");
    worker.stop().await;
}

/// What the last owner left is applied as it is read: a stretch of large documents is never in
/// memory at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_finished_is_applied_before_more_of_it_is_read() {
    let world = World::new().await;
    let large = "x".repeat(900_000);
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(world.create("a", json!({"n": n, "text": large})).await);
        ids.push(
            world
                .write(
                    "document.delete",
                    json!({"index": "geo", "collection": "cities", "_id": "a"}),
                )
                .await,
        );
    }
    let first = world.worker_that_applies_again("w1");
    assert!(world.resolved(&ids).await.iter().all(applied));
    first.stop().await;
    world.faults.record_writes.store(0, Ordering::SeqCst);
    let (counting, log) = CountingReader::over(&world);
    let second = world.worker_with_batch_records("w2", log, 1_000);
    let last = world.create("a", json!({})).await;
    assert!(applied(&world.resolved(&[last]).await[0]));
    let all = counting.writes_before.lock().unwrap().clone();
    let fullest = |partition: u16| all.iter().filter(move |(of, _)| *of == partition);
    let partition = (0..PARTITIONS).max_by_key(|partition| fullest(*partition).count());
    let writes_before: Vec<usize> = fullest(partition.unwrap())
        .map(|(_, writes)| *writes)
        .collect();
    // The partition is read twice: to see what stands, then to apply it. In the second reading,
    // something is written between any two reads.
    let reads = writes_before.len() / 2;
    assert!(reads >= 3, "{writes_before:?}");
    let applying = &writes_before[reads..];
    assert!(
        applying.windows(2).all(|two| two[0] < two[1]),
        "{writes_before:?}"
    );
    second.stop().await;
}
