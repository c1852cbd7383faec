//! Against a real Elasticsearch: the contract, and what only this driver meets.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod bulk;
mod contract;
mod declared;
mod faults;
mod late;
mod prefix;
mod searching;
mod specific;
mod successor;
