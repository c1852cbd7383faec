//! Owning partitions of a topic as a member of a group: which are ours, a task for each, tenures
//! that follow each other with back-off, and what `/readyz` says of all that.
//!
//! What is done with a partition is its [`PartitionWork`]'s. This crate knows neither writes nor
//! notifications; it must never read a record or choose an offset, and never wait for a partition
//! that was revoked: what its task was doing is cut off, and fenced by the log of who takes it next.
//!
//! See ADR 16.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod group;
mod membership;
mod owned;
mod partition_health;
mod task;
mod work;

pub use group::{GroupRefused, OwnerOptions, own_partitions};
pub use owned::OwnedPartition;
pub use work::{OwnerNotice, PartitionWork, RetakePause, TenureOutcome};
