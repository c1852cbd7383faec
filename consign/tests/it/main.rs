//! The binary from outside: what it takes, what it says, what it leaves behind.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(
    clippy::unwrap_used,
    reason = "what a test stands on says where it fails"
)]

mod accounts;
mod audit;
mod catalog_diff;
mod catalog_reload;
mod catalog_show;
mod cli;
mod deploy;
mod dev;
mod dlq;
mod docs;
mod gateway;
mod held_keys;
mod large_jobs;
mod load;
mod long_uploads;
mod pipeline;
mod plain_words;
mod purge;
mod rebuild;
mod refused_servers;
mod rotation;
mod sealing;
mod spool;
mod status;
mod subscribe;
mod synced;
mod tls;
mod torture;
mod tracing;
mod tutorial;
mod upload_memory;
mod uploads;
