//! The contract as others rely on it: old bytes, schemas, laws.

#![allow(clippy::unwrap_used)]

mod golden;
mod laws;
mod schemas;
