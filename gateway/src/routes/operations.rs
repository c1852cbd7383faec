//! `/v1/operations`: asking for operations by name.

pub(crate) mod bulk;
pub(crate) mod list;
pub(crate) mod write;
