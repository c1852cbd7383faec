//! The record's contract, each case against the shared server.

use crate::keyspace::open;

store::record_contract!(open().await);
