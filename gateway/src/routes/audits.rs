//! `/v1/audits`: what the log says against what the stores hold.

pub(crate) mod begin;
pub(crate) mod repair;
pub(crate) mod show;
