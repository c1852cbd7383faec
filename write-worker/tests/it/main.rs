//! The worker on a real log and a real store (both embedded), with faults put between it and the
//! store.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod audited;
mod everything;
mod expiry;
mod faulty;
mod flood;
mod flow;
mod guards;
mod harness;
mod held;
mod hole;
mod liveness;
mod lookups;
mod panics;
mod parts;
mod power;
mod purge;
mod rebuild;
mod repair;
mod security;
mod servers;
mod trimmed;
mod trouble;
mod unconfirmed;
mod voided;
