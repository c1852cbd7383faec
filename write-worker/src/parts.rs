//! How far the log is known to be, and how far parts went: what this process has heard, no more. It
//! never asks anybody.

use event_schema::offset::TransactionsOffset;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Partition of `transactions` → the furthest part that was published there.
type FurthestParts = BTreeMap<u16, TransactionsOffset>;

/// Shared by all partitions of a process.
pub(crate) struct PartProgress {
    /// By partition of `transactions`: an offset that the log has reached.
    ends: Vec<AtomicU64>,
    /// By the partition whose decisions they are parts of.
    published: Mutex<BTreeMap<u16, FurthestParts>>,
}

impl PartProgress {
    pub fn new(partitions: u16) -> Self {
        Self {
            ends: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
            published: Mutex::default(),
        }
    }

    /// The log has reached this offset.
    pub fn reached(&self, partition: u16, offset: TransactionsOffset) {
        if let Some(end) = self.ends.get(usize::from(partition)) {
            end.fetch_max(offset.get(), Ordering::Relaxed);
        }
    }

    /// An offset that the log has reached by now; the first where nothing was heard.
    pub fn known_end(&self, partition: u16) -> TransactionsOffset {
        let end = self.ends.get(usize::from(partition));
        end.map_or(TransactionsOffset::FIRST, |end| {
            TransactionsOffset::new(end.load(Ordering::Relaxed))
        })
    }

    /// A part of a decision of `parent` stands at this offset.
    pub fn published(&self, parent: u16, partition: u16, offset: TransactionsOffset) {
        self.reached(partition, offset.next());
        let mut published = self.lock();
        let furthest = published.entry(parent).or_default();
        let known = furthest.entry(partition).or_insert(offset);
        *known = (*known).max(offset);
    }

    /// What an earlier owner's mark says.
    pub fn known_from(&self, parent: u16, mark: &FurthestParts) {
        for (partition, offset) in mark {
            self.published(parent, *partition, *offset);
        }
    }

    /// How far the parts of decisions of `parent` went, and perhaps a little further than a mark
    /// asks for.
    pub fn furthest(&self, parent: u16) -> FurthestParts {
        self.lock().get(&parent).cloned().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u16, FurthestParts>> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
