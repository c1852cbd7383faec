//! Filling a store again: a view, the record, one collection or one table gets what the log says,
//! beside live traffic. Every write carries the version that its decision got in the log, so a store
//! skips what it holds already or holds newer: it does not matter who writes first, how often, or
//! whether a rebuild is cut short and goes on.
//!
//! It reads through the audit's fold of `changes`, and writes what that says and nothing else: it
//! decides nothing, and must never write a state that no record of the log that counts has.
//!
//! See ADR 24.

mod copy;
mod fill;
mod ports;
mod purged;
mod remap;
mod report;
mod run;
mod scope;
mod target;

pub use ports::{RebuildObserver, RebuildPorts};
pub use remap::{NewMappings, remap_collection};
pub use report::{RebuildReport, RebuiltCounts, RebuiltPartition, RefusedItem};
pub use run::{RebuildOptions, run_rebuild};
pub use scope::{RebuildScope, RebuiltStore};

use audit::AuditError;
use store::StoreError;

/// Why a rebuild ended before it was done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Log(#[from] AuditError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no view of its own here: searches read the record")]
    NoView,
    #[error("{0}")]
    NothingNamed(String),
    /// It would leave out what is older.
    #[error(
        "the log does not hold everything: partition {partition} begins at {begins}, and only the log tells what belongs into the record"
    )]
    LogIsTrimmed { partition: u16, begins: u64 },
    #[error("the mappings of {0} are being changed by another: try again when that has ended")]
    Busy(String),
    /// The store holds the version of a decision with another request in it.
    #[error("{store}: {item}: {why}")]
    Alarm {
        store: &'static str,
        item: String,
        why: String,
    },
}
