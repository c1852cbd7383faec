//! Tokens of an issuer whose keys a server of this machine publishes: which are believed.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod believed;
mod code_flow;
mod issuer;
mod keys;
