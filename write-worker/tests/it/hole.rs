//! A log that loses one record of a batch and takes those behind it: what a producer does whose
//! record timed out, or was refused for good.

use crate::harness::{World, applied};
use event_log::{Delivery, DeliveryError, Log, NewRecord, Publisher, SendError};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Loses the n-th decision that is appended, and no other.
struct Losing {
    inner: Arc<dyn Publisher>,
    changes: String,
    left: AtomicU64,
}

#[async_trait::async_trait]
impl Publisher for Losing {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let is_decision = *record.topic == *self.changes
            && record
                .headers
                .iter()
                .any(|(name, kind)| name == "ce_type" && *kind == event_schema::codec::DECISION);
        if is_decision && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let (sender, delivery) = Delivery::pair();
            let lost = DeliveryError::Rejected("it was in the queue for too long".into());
            tokio::spawn(async move {
                // Those behind it land before this one is given up.
                tokio::time::sleep(Duration::from_millis(100)).await;
                sender.send(Err(lost));
            });
            return Ok(delivery);
        }
        self.inner.send(record)
    }

    async fn flush(&self, limit: Duration) -> usize {
        self.inner.flush(limit).await
    }

    fn healthy(&self) -> bool {
        self.inner.healthy()
    }
}

/// Ten events of one partition in one batch; the log loses the decision of the n-th. Whatever stands
/// behind that hole counts for no reader, and every event gets its verdict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_vanishes_behind_a_hole_in_a_batch() {
    for lost in [1, 4, 10] {
        let world = World::new().await;
        let mut ids = vec![world.create("a", json!({"n": 0})).await];
        for n in 1..10 {
            ids.push(world.update("a", json!({"n": n})).await);
        }
        let log = Log {
            publisher: Arc::new(Losing {
                inner: world.log.publisher.clone(),
                changes: world.layout.name(&event_schema::topics::CHANGES),
                left: lost.into(),
            }),
            ..world.log.clone()
        };
        let worker = world.worker_over("w1", log);
        let entries = world.resolved(&ids).await;
        assert!(entries.iter().all(applied), "{lost}: {entries:?}");
        assert_eq!(world.body("a").await, Some((10, json!({"n": 9}))), "{lost}");
        worker.stop().await;
    }
}
