//! A log that takes some records and never says what became of them.

use event_log::{Delivery, DeliverySender, Log, NewRecord, Publisher, SendError};
use event_schema::codec::SECURITY_BEACON;
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

type Choice = Box<dyn Fn(&NewRecord) -> bool + Send + Sync>;

struct SilentPublisher {
    real: Arc<dyn Publisher>,
    is_kept_back: Choice,
    kept: Mutex<Vec<DeliverySender>>,
}

/// The same log, which says nothing of the records for which this holds.
pub fn keep_back(
    log: Log,
    is_kept_back: impl Fn(&NewRecord) -> bool + Send + Sync + 'static,
) -> Log {
    let publisher = Arc::new(SilentPublisher {
        real: log.publisher.clone(),
        is_kept_back: Box::new(is_kept_back),
        kept: Mutex::default(),
    });
    Log { publisher, ..log }
}

/// Does it only say how far a gateway has read the topic `security`?
pub fn is_beacon(record: &NewRecord) -> bool {
    let kind = record.headers.iter().find(|(name, _)| name == "ce_type");
    kind.is_some_and(|(_, kind)| *kind == SECURITY_BEACON)
}

#[async_trait::async_trait]
impl Publisher for SilentPublisher {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        if !(self.is_kept_back)(&record) {
            return self.real.send(record);
        }
        let (sender, delivery) = Delivery::pair();
        self.kept.lock().push(sender);
        Ok(delivery)
    }
    async fn flush(&self, limit: Duration) -> usize {
        self.real.flush(limit).await
    }
    fn healthy(&self) -> bool {
        self.real.healthy()
    }
}
