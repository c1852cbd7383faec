//! The log's contract, held by every driver, and what each driver promises beyond it.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod contract;
mod embedded;
mod kafka;
