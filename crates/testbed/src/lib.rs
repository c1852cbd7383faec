//! Real Kafka, Cassandra and Elasticsearch for tests, a proxy that breaks connections, and names
//! that do not clash.
//!
//! Dev only: no crate that ships may depend on this one. It speaks to the servers only enough to
//! know that they answer, and to damage or drop what is in Cassandra; every client library stays in its own crate. A test that needs a server
//! and has none fails and says the line to type; nothing here skips.
//!
//! - [`Servers::shared`]: the three servers that all tests of a run use side by side; keep apart by
//!   [`unique`] names.
//! - [`Servers::private`]: instances of one test, to be killed, frozen and started again.
//! - [`secured::SecuredFolder`]: what private servers take TLS, users and rights from.
//! - [`Proxy`]: stands before a server and cuts or freezes its connections.
//! - [`Cql`]: single statements to Cassandra, for what no port of the product does.
//! - [`ports::reserve`]: free ports that no other test of this machine is given meanwhile.

#![allow(
    clippy::disallowed_methods,
    reason = "starts real servers and measures real time"
)]

mod address;
mod cql;
mod name;
pub mod ports;
pub mod probe;
mod proxy;
mod script;
pub mod secured;
mod server;
mod servers;

pub use address::Addresses;
pub use cql::Cql;
pub use name::{root, unique};
pub use proxy::Proxy;
pub use server::{CommitLogSync, Server};
pub use servers::{MAY_FORGET_TABLES, PrivateOptions, Servers};
