//! The crate's integration tests, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cities;
mod generated;
mod index_equals_evaluate;
mod limits;
mod match_sets;
mod mutation;
mod normalise;
mod oracle;
