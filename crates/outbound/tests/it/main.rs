//! The client against servers of this machine, which it must not call unless they are named.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod guard;
mod server;
mod tls;
