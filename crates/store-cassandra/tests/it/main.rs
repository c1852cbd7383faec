//! Against a real Cassandra: the contract, and what only this driver meets.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod blobs;
mod contract;
mod faults;
mod keyspace;
mod specific;
