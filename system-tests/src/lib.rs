//! Harness of the black-box tests: whole processes, the public HTTP API, and a checker that judges
//! what clients saw.
//!
//! It knows Consign only from outside: the binary's command line and HTTP. It uses none of its
//! crates, so that a bug cannot be shared by the product and its judge.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

pub mod accounts;
pub mod checker;
pub mod client;
pub mod cluster;
pub mod history;
pub mod listener;
pub mod model;
pub mod node;
pub mod process;
pub mod sdk;
pub mod stores;
pub mod workload;
