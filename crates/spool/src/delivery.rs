//! What becomes of a record that was handed to a spool. Must never answer before the log
//! acknowledged the record or the disk synced it.

use crate::medium::SpoolId;
use event_log::{Appended, DeliveryError, NewRecord};
use parking_lot::Mutex;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::oneshot;

/// A record's place in a spool: its number orders it among the records of that spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolPlace {
    pub spool: SpoolId,
    pub number: u64,
}

/// Why a record is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The log has it.
    Logged(Appended),
    /// The disk of the spool has it; its place in the log comes when it is shipped.
    Spooled(SpoolPlace),
}

/// What is told of one record.
pub type SpoolOutcome = Result<Acknowledged, DeliveryError>;

/// Resolves when the record is safe, or is known not to be. Dropping it does not withdraw the
/// record.
#[derive(Debug)]
pub struct SpoolDelivery(oneshot::Receiver<SpoolOutcome>);

impl Future for SpoolDelivery {
    type Output = SpoolOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let closed = || DeliveryError::Unknown("the spool was closed with the record in it".into());
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|outcome| outcome.unwrap_or_else(|_| Err(closed())))
    }
}

/// A record in memory, and who wants to know of it.
#[derive(Debug)]
pub(crate) struct PendingRecord {
    pub record: NewRecord,
    waiter: Mutex<Option<oneshot::Sender<SpoolOutcome>>>,
}

impl PendingRecord {
    pub fn new(record: NewRecord) -> (Self, SpoolDelivery) {
        let (sender, receiver) = oneshot::channel();
        let waiter = Mutex::new(Some(sender));
        (Self { record, waiter }, SpoolDelivery(receiver))
    }

    /// The first outcome counts.
    pub fn resolve(&self, outcome: SpoolOutcome) {
        if let Some(waiter) = self.waiter.lock().take() {
            // Nobody may be waiting; the record stands all the same.
            _ = waiter.send(outcome);
        }
    }
}
