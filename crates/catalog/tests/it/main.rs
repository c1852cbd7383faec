//! The catalog as others use it: every built-in operation, accepted and planned.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod examples;
mod interleavings;
mod laws;
mod many;
mod mistyped;
mod mutated;
mod operations;
mod sunbird;
mod world;
