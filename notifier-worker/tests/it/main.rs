//! Notifiers on a real log, between writers and gateways that the tests play.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod flow;
mod harness;
mod slow;
mod takeover;
mod users;
