//! What reads see: collections by name, the writes their tokens stand for, and searches that are
//! fresh enough. Reads change nothing.

pub(crate) mod after;
pub(crate) mod collections;
pub(crate) mod explain;
pub(crate) mod history;
pub(crate) mod kept_searches;
pub(crate) mod parts;
pub(crate) mod refresh;
pub(crate) mod requests;
pub(crate) mod sealed;
pub(crate) mod settled;
