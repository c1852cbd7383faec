//! The gateway as its clients see it: over HTTP, on the embedded log and store, with and without a
//! real worker behind it.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod any_json;
mod bad_input;
mod bulk;
mod bulk_turns;
mod catalog_reload;
mod docs;
mod farewell;
mod harness;
mod history;
mod hooks;
mod idempotency;
mod ids;
mod keyed_rows;
mod kuzzle;
mod live;
mod mistyped;
mod order;
mod origins;
mod overload;
mod raw;
mod readiness;
mod reads;
mod replays;
mod sealed;
mod security;
mod silent;
mod slow;
mod slow_record;
mod socket;
mod spooled;
mod stage;
mod stopping;
mod sunbird;
mod tls;
mod tokens;
mod uploads;
mod writes;
