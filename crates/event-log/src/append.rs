//! Appending with back-pressure: a full queue makes the caller wait. It waits as long as the log is
//! away; whoever cannot wait so long bounds the call.

use crate::{
    Log,
    publisher::{Appended, Delivery, DeliveryError, Refused, SendError},
    record::NewRecord,
};
use std::time::Duration;

/// Between two looks whether the queue has room.
const LOOK: Duration = Duration::from_millis(2);

/// Why a record is not known to be in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// It was not even queued, and waiting does not help.
    #[error("the log will not take a record for `{topic}`: {why}")]
    Refused { topic: String, why: Refused },
    #[error(transparent)]
    Undelivered(#[from] DeliveryError),
}

impl From<SendError> for AppendError {
    fn from(error: SendError) -> Self {
        Self::Refused {
            topic: error.record.topic.to_string(),
            why: error.why,
        }
    }
}

impl Log {
    /// Queues a record, waiting while the queue is full; never fails with [`Refused::QueueFull`].
    /// Records that one caller queues one after the other stand in that order. Cancelled while it
    /// waits, nothing was queued.
    pub async fn enqueue(&self, mut record: NewRecord) -> Result<Delivery, SendError> {
        loop {
            match self.publisher.send(record) {
                Err(full) if full.why == Refused::QueueFull => record = *full.record,
                answer => return answer,
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Appends one record: waits while the queue is full, then until it is safe.
    pub async fn append(&self, record: NewRecord) -> Result<Appended, AppendError> {
        Ok(self.enqueue(record).await?.await?)
    }
}
