//! What reads stand on: collections by name, searches that are kept or fresh enough, sealed values.
//! Reads change nothing, and none of this knows the whole service; see `lookup` for what does.

pub(crate) mod collections;
pub(crate) mod kept_searches;
pub(crate) mod parts;
pub(crate) mod refresh;
pub(crate) mod sealed;

use crate::error::{Code, Problem};
use store::StoreError;

/// What the view refuses is the search.
pub(crate) fn refused_search(error: StoreError) -> Problem {
    match error {
        StoreError::Refused { .. } => Problem::new(Code::BadSearch, error.to_string()),
        other => other.into(),
    }
}
