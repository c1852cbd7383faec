//! Notifiers on a real log, between writers and gateways that the tests play.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod flow;
mod harness;
mod slow;
mod takeover;
mod users;
