//! `/v1/tables`: rows of the operations' own tables.

pub(crate) mod get;
