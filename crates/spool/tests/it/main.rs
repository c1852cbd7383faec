//! The spool on a real folder, over a log that goes away and comes back.
#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod adoption;
mod damage;
mod faults;
mod mutated;
mod outage;
mod refused;
mod wire;
