//! The crate's integration tests, in one binary.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cities;
mod generated;
mod index_equals_evaluate;
mod limits;
mod match_sets;
mod mutation;
mod normalise;
mod oracle;
