//! The embedded store against the contract, and against what only it promises: one file, one
//! transaction, kill -9, a full disk.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod cities;
mod contract;
mod file;
mod guards;
mod kill;
mod newest;
mod opened;
mod optional;
mod purge;
mod together;
mod unsupported;
