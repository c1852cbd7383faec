//! Owners on the embedded log: members that come, go, stop, fail and panic.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod harness;
mod rebalance;
mod shutdown;
mod trouble;
