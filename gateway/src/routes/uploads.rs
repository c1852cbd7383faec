//! Files of many lines: taken, and what became of them.

pub(crate) mod start;
pub(crate) mod status;
