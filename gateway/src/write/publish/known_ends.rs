//! How far each partition of `transactions` is known to have reached: an event that is made now has
//! no copy before that, which spares the worker a look into the ledger. Too small a number is
//! always right; it only costs that look.

use event_log::Admin;
use event_schema::offset::TransactionsOffset;
use std::sync::atomic::{AtomicU64, Ordering};

/// By partition, the offset after the last record that this gateway knows of.
pub(crate) struct KnownEnds(Vec<AtomicU64>);

impl KnownEnds {
    pub(crate) fn new(partitions: u16) -> Self {
        Self((0..partitions).map(|_| AtomicU64::new(0)).collect())
    }

    /// What an event that is made now is given as `seen`.
    pub(crate) fn seen(&self, partition: u16) -> TransactionsOffset {
        let end = self.0.get(usize::from(partition));
        TransactionsOffset::new(end.map_or(0, |end| end.load(Ordering::Relaxed)))
    }

    /// The log acknowledged a record at this offset.
    pub(crate) fn acknowledged(&self, partition: u16, offset: u64) {
        self.reached(partition, offset + 1);
    }

    /// Asks the log how far it is; what it does not answer stays as it is known.
    pub(crate) async fn ask(&self, admin: &dyn Admin, topic: &str) {
        for partition in 0..self.0.len() as u16 {
            if let Ok(offsets) = admin.offsets(topic, partition).await {
                self.reached(partition, offsets.end);
            }
        }
    }

    fn reached(&self, partition: u16, end: u64) {
        if let Some(known) = self.0.get(usize::from(partition)) {
            known.fetch_max(end, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_never_moves_back() {
        let ends = KnownEnds::new(2);
        assert_eq!(ends.seen(1).get(), 0);
        ends.acknowledged(1, 9);
        ends.acknowledged(1, 4);
        assert_eq!((ends.seen(0).get(), ends.seen(1).get()), (0, 10));
        ends.acknowledged(7, 1);
        assert_eq!(ends.seen(7).get(), 0, "there is no such partition");
    }
}
