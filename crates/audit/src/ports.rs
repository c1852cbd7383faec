//! What an audit stands on, how it is done, and why it could not look.

use crate::report::AuditReport;
use event_log::Log;
use event_schema::topics::{CHANGES, Layout, TRANSACTIONS};
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use store::{Record, StoreError, View, schema::Table};

/// What an audit reads.
#[derive(Clone)]
pub struct AuditPorts {
    pub log: Log,
    pub layout: Layout,
    pub record: Arc<dyn Record>,
    pub view: Option<Arc<dyn View>>,
    /// The operations' tables, for the form that stores give to cells.
    pub tables: Vec<Table>,
    pub clock: Arc<dyn Clock>,
}

/// How it is done.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Only these partitions; none: all.
    pub partitions: Option<Vec<u16>>,
    /// One in so many items.
    pub sample: u64,
    /// Bytes of items that are held at once, about; more take more passes over the log.
    pub memory_bytes: usize,
    /// Items that are compared with the stores at once.
    pub batch: usize,
    /// Items that keep changing, or are not resolved, are given up after so long.
    pub patience: Duration,
    /// The report of an audit that was cut short.
    pub resume: Option<AuditReport>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            partitions: None,
            sample: 1,
            memory_bytes: 256 << 20,
            batch: 500,
            patience: Duration::from_secs(20),
            resume: None,
        }
    }
}

/// What an audit does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPhase {
    /// It folds this partition of the log.
    Reading(u16),
    /// It looks for accepted events that were never decided.
    Undecided,
    /// It looks for documents of the stores in the log.
    LookingUp,
    /// It looks for items of the log in the stores.
    Comparing,
}

/// Why it could not look.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the log: {0}")]
    Log(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is too slow for what the log keeps, or the log was cleared meanwhile.
    #[error(
        "records {from} to {earliest} of `changes` of partition {partition} were deleted before they were read: begin again"
    )]
    Deleted {
        partition: u16,
        from: u64,
        /// The first that is kept.
        earliest: u64,
    },
    #[error("there is no partition {0}")]
    NoPartition(u16),
}

impl AuditPorts {
    pub(crate) fn changes(&self) -> String {
        self.layout.name(&CHANGES)
    }

    pub(crate) fn transactions(&self) -> String {
        self.layout.name(&TRANSACTIONS)
    }

    /// The view, where it is a store of its own.
    pub(crate) fn separate_view(&self) -> Option<&Arc<dyn View>> {
        self.view.as_ref().filter(|view| !view.is_record())
    }

    pub(crate) fn store_name(&self, side: StoreSide) -> &'static str {
        match (side, &self.view) {
            (StoreSide::View, Some(view)) => view.name(),
            (_, _) => self.record.name(),
        }
    }
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreSide {
    Record,
    View,
    /// Both, for a document that the log does not tell of.
    Both,
}
