//! `/v1/catalog`: the definitions of the operations.

pub(crate) mod reload;
