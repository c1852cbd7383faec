//! A gateway's spool in a store of blobs (an object store, or tables of the record): for gateways
//! whose own disk is lost with them. The only crate that names `object_store`. See ADR 30 and 33.
//!
//! A location (`s3://bucket/prefix`) holds a folder for each spool, named by the gateway or at
//! random, with:
//!
//! | object | what |
//! | --- | --- |
//! | `spool.json` | who the spool is, and for which topics its records were made |
//! | `records/N` | a group of records that became safe together ([`group`]); N follows N - 1 |
//! | `shipped/T` | everything before record T is acknowledged by the log; the greatest T counts |
//! | `owner.json` | beats while the spool holds something: who writes or ships it, and how far it goes |
//! | `writer.json` | of a spool with a name of its own: which process may write it |
//! | `before/D` | records that must be in the log before the others, by digest |
//! | `unshippable/N` | bodies that the log would never take, by number |
//!
//! Groups are written one after the other, each once: a second process cannot write the same N, and
//! one that was cut off sees before it answers that it may not write any more. A group of which the
//! store does not say whether it has it is written again until it does. Letting go first says how
//! far, and then deletes whole groups from the front; so whatever is missing elsewhere is damage,
//! and is said to be. Nothing here may take a missing group for an end.
//!
//! Shipping needs no lock. `owner.json` only saves work: who finds it unchanged for a while, by its
//! own clock, ships the spool.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod group;
mod location;
mod object_blobs;
mod object_spool;
mod objects;
mod opening;
mod reading;
mod site;
mod spool_state;
mod writer;

pub use location::{BadLocation, ObjectLocation};
pub use object_blobs::ObjectBlobs;
pub use object_spool::ObjectSpool;
pub use site::{GROUP_BYTES, ObjectSite, SiteOptions};
pub use spool_state::Timings;
