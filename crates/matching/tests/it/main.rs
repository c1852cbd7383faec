//! The crate's integration tests, in one binary.

mod index_equals_evaluate;
mod oracle;
