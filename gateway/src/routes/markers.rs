//! `/v1/markers`: what deletions left in the stores.

pub(crate) mod purge;
