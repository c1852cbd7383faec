//! Appending: never blocks, keeps the order of calls per partition, and answers each record once it
//! is safe (or known not to be).

mod delivery;

pub use delivery::{Delivery, DeliveryObserver, DeliveryOutcome, DeliverySender};

use crate::record::NewRecord;
use std::time::Duration;

/// Where a record was appended, once the log's durability holds for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub partition: u16,
    pub offset: u64,
    /// Unix milliseconds, the log's clock; -1 where the driver is not told.
    pub timestamp: i64,
}

/// Why a record was not even queued: nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the queue to the log is full")]
    QueueFull,
    #[error("the record is larger than the topic takes")]
    TooLarge,
    #[error("there is no such topic or partition")]
    UnknownPartition,
    #[error("the log is closed")]
    Closed,
}

/// A refusal, with the record back.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct SendError {
    pub why: Refused,
    pub record: Box<NewRecord>,
}

/// What became of a queued record that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It is not in the log and never will be.
    #[error("the log would not take the record: {0}")]
    Rejected(String),
    /// It may or may not be in the log: the producer was closed or replaced, or lost the right to
    /// append, with the record in flight.
    #[error("it is not known whether the log holds the record: {0}")]
    Unknown(String),
}

/// Appends records. Records accepted by `send` for one partition stand in the log in the order of
/// the calls, whatever is retried inside, and none is given up while the log is away: an outage is
/// a pause, and a record is missing between two others only if the log refused it for good.
#[async_trait::async_trait]
pub trait Publisher: Send + Sync {
    /// Queues a record; bounded, never blocks.
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError>;
    /// Waits until all that was queued before is resolved, at most `limit`; says how many are left.
    async fn flush(&self, limit: Duration) -> usize;
    /// Is the log within reach, as far as is known without asking? For readiness and early 503s.
    fn healthy(&self) -> bool;
    /// Why the log will not have this client at all, if it said so: a wrong password, a certificate
    /// that is not trusted. No outage: waiting does not help.
    fn denied(&self) -> Option<String> {
        None
    }
}
