//! `/v1/requests`: what became of them.

pub(crate) mod show;
