//! `/v1/floods`: partitions that wait because too many events would become dead letters, and the
//! permission to let them.

pub(crate) mod list;
pub(crate) mod pass;
