//! The audit: folds `changes` and compares what it says with what the stores hold, beside live
//! traffic. It sweeps the items (documents, rows, ledger entries) in the order of a hash of their
//! names, as many at a time as fit into its memory, first from the log to the stores, then from the
//! stores to the log; and it looks whether each accepted event was decided. What differs is looked at again until the log has resolved the item's last
//! decision and nothing touched it while the store was read; only then it is named.
//!
//! It knows stores by their ports and must never write to one.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod compare;
mod decided;
mod expected;
mod fetch;
mod finding;
mod half;
mod partition;
mod ports;
mod report;
mod row_fold;
mod sweep;

pub use finding::{AuditFinding, Basis, DifferenceKind, FoldedCells, HeldState, ItemName};
pub use partition::{PartitionFold, StandingRecord};
pub use ports::{AuditError, AuditOptions, AuditPhase, AuditPorts};
pub use report::{AuditReport, AuditedCounts, AuditedPartition};
pub use sweep::run_audit;

#[cfg(test)]
mod tests;
