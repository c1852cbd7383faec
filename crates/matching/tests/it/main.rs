//! The crate's integration tests, in one binary.

mod generated;
mod index_equals_evaluate;
mod match_sets;
mod normalise;
mod oracle;
