//! What gateways believe of callers is told to them between the record store and the ledger, and told
//! again where the log did not take it.

use crate::harness::{World, applied};
use event_log::{Delivery, DeliveryError, Limits, Log, NewRecord, Publisher, SendError};
use event_schema::{
    codec::{self, Parts},
    mutation::RowKey,
    security::{SESSIONS, SecurityRecord, SecuritySubject},
    topics::SECURITY,
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::Record;
use store_embedded::{Config, EmbeddedStore};

/// Gives the first record of `security` up, after a while.
struct GivingUp {
    inner: Arc<dyn Publisher>,
    security: String,
    seen: Arc<AtomicUsize>,
}

const WHILE: Duration = Duration::from_millis(400);

#[async_trait::async_trait]
impl Publisher for GivingUp {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let is_first =
            *record.topic == *self.security && self.seen.fetch_add(1, Ordering::SeqCst) == 0;
        if !is_first {
            return self.inner.send(record);
        }
        let (sender, delivery) = Delivery::pair();
        let lost = DeliveryError::Unknown("the producer was closed".into());
        tokio::spawn(async move {
            tokio::time::sleep(WHILE).await;
            sender.send(Err(lost));
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

async fn told(world: &World) -> Vec<SecurityRecord> {
    let topic = world.layout.name(&SECURITY);
    let end = world.log.admin.offsets(&topic, 0).await.unwrap().end;
    let limits = Limits {
        records: 1_000,
        bytes: 1 << 20,
    };
    let wait = Duration::from_secs(1);
    let reader = &world.log.reader;
    let records = reader.read(&topic, 0, 0, end, limits, wait).await.unwrap();
    let decoded = records.into_iter().map(|record| {
        let parts = Parts {
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        codec::decode_security(&parts).unwrap()
    });
    decoded.collect()
}

/// Where one store is all there is and takes a batch whole, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_are_told_behind_the_record_and_before_the_ledger() {
    let mut world = World::new().await;
    let seen = Arc::new(AtomicUsize::new(0));
    world.log = Log {
        publisher: Arc::new(GivingUp {
            inner: world.log.publisher.clone(),
            security: world.layout.name(&SECURITY),
            seen: seen.clone(),
        }),
        ..world.log.clone()
    };
    let config = Config::new(world.folder.path().join("store.db"));
    let store = Arc::new(EmbeddedStore::open(config).unwrap());
    let other = world.create("a", json!({"n": 0})).await;
    let ended = json!({"sid": "0b8f", "jti": "*", "at": 1_796_000_000_000_i64, "until": 4_102_444_800_000_i64});
    let id = world.write("security.endSession", ended).await;
    let worker = world.worker_on("w1", store.clone(), store.clone());
    while seen.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The log has not taken it yet.
    let key = json!({"sid": "0b8f", "jti": "*"})
        .as_object()
        .cloned()
        .unwrap();
    let row = RowKey {
        table: SESSIONS.into(),
        key,
    };
    assert!(store.rows(&[row]).await.unwrap()[0].is_some());
    tokio::time::sleep(WHILE / 2).await;
    assert!(store.ledger(&[id]).await.unwrap()[0].is_none());
    // And it will not: the partition is taken again, and what stands is finished.
    let entries = world.resolved(&[other, id]).await;
    assert!(entries.iter().all(applied), "{entries:?}");
    let told = told(&world).await;
    let session = SecuritySubject::Session("0b8f".into());
    let version = entries[1].version;
    let is_it = |record: &SecurityRecord| {
        matches!(record, SecurityRecord::Changed(subject, change)
            if *subject == session && change.version == version)
    };
    assert!(!told.is_empty() && told.iter().all(is_it), "{told:?}");
    worker.stop().await;
}
