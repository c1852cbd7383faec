//! The contract as others rely on it: old bytes, schemas, laws.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used)]

mod golden;
mod laws;
mod mutated;
mod schemas;
