//! The contract of what a spool is kept on, held by a folder and by object stores alike (in memory,
//! on the local disk, over HTTP from a server that speaks S3), and what only objects can suffer.
#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod away;
mod backends;
mod contract;
mod damage;
mod faulty;
mod mutated;
mod s3_server;
mod twins;
#[allow(dead_code, reason = "it serves the tests of the spool on folders, too")]
#[path = "../../../spool/tests/it/wire.rs"]
mod wire;
