//! What a rebuild came to, and how far it is: the same value is the result, the progress, and what
//! is kept to go on from. Pure.

use crate::scope::RebuildScope;
use event_schema::mutation::DocumentKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Refused items that are named; beyond, they are counted.
const NAMED: usize = 100;

/// Nothing of it is in memory only: a rebuild that is cut short goes on from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RebuildReport {
    pub scope: RebuildScope,
    /// Nothing was written.
    pub is_dry_run: bool,
    pub is_done: bool,
    pub counts: RebuiltCounts,
    /// What the store will never take.
    pub refused: Vec<RefusedItem>,
    /// Documents are copied from the record up to this one, where the log does not hold all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_through: Option<DocumentKey>,
    #[serde(default)]
    pub is_copied: bool,
    /// By partition.
    pub partitions: BTreeMap<u16, RebuiltPartition>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltCounts {
    /// Copied from the record.
    pub copied: u64,
    /// Documents and rows of the log that were handed to the store; it skips what it holds.
    pub documents: u64,
    pub rows: u64,
    /// Of a dry run: documents that the store holds older, or not at all.
    pub differing: u64,
    pub refused: u64,
}

/// Where a partition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltPartition {
    /// The first offset of `changes` that the log kept.
    pub begins: u64,
    /// Everything below is in the store,
    pub done: u64,
    /// and it goes on up to here.
    pub end: u64,
}

/// A write that the store will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedItem {
    pub item: String,
    pub code: String,
    pub message: String,
}

impl RebuildReport {
    pub(crate) fn new(scope: RebuildScope, is_dry_run: bool) -> Self {
        Self {
            scope,
            is_dry_run,
            is_done: false,
            counts: RebuiltCounts::default(),
            refused: Vec::new(),
            copied_through: None,
            is_copied: false,
            partitions: BTreeMap::new(),
        }
    }

    /// How much of the log is done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.is_done {
            return 1.0;
        }
        let partitions = self.partitions.values();
        let (done, all) = partitions.fold((0, 0), |(done, all), one| {
            let part = one.done.clamp(one.begins, one.end) - one.begins;
            (done + part, all + one.end - one.begins)
        });
        if all == 0 {
            0.0
        } else {
            done as f64 / all as f64
        }
    }

    pub(crate) fn refuse(&mut self, item: RefusedItem) {
        self.counts.refused += 1;
        if self.refused.len() < NAMED {
            self.refused.push(item);
        }
    }
}
