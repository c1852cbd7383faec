//! What an intent to purge deletion markers asks for: markers of one partition, each as it was seen,
//! to be removed from the stores for good. Its decision is silent and changes nothing that a reader
//! could see; its result says of each that was left why.

use crate::{id::EntityKey, mutation::DocumentKey, position::Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Operation of an intent to purge deletion markers.
pub const PURGE: &str = "markers.purge";

/// Markers that one intent may name: its decision is one record of `changes`.
pub const MOST_MARKERS: usize = 500;

/// The request of such an intent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PurgeIntent {
    pub markers: Vec<MarkerToPurge>,
    /// Only those that are older, milliseconds; the worker's own least age holds in any case.
    pub older_than_ms: i64,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A marker as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkerToPurge {
    pub document: DocumentKey,
    /// Of the deletion that left it.
    pub version: Version,
    /// The entity key that owns the document.
    pub key: EntityKey,
}

/// What became of the markers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurgeResult {
    pub purged: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<MarkerLeft>,
}

/// A marker that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkerLeft {
    /// Which of the intent's, counted from 0.
    pub at: usize,
    pub why: MarkerObstacle,
}

/// Why a marker stays. Stable: these names are on the wire and in the ledger for good.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MarkerObstacle {
    /// Another partition's owner decides over it.
    NotOwned,
    /// Its collection was dropped or emptied.
    NoCollection,
    /// Another index is being filled for its collection.
    Rebuilding,
    /// Something is held or parked under its key.
    Held,
    /// The store holds something else than this marker, or is about to.
    WrittenSince,
    /// Whoever takes the partition may apply the deletion, or what it deleted, again.
    InWindow,
    TooYoung,
    /// Neither the ledger nor the log says when it was deleted.
    UnknownAge,
}

impl MarkerObstacle {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotOwned => "another partition owns its key",
            Self::NoCollection => "its collection is gone",
            Self::Rebuilding => "an index of its collection is being rebuilt",
            Self::Held => "something is held under its key",
            Self::WrittenSince => "it was written since",
            Self::InWindow => "a worker may still apply it again",
            Self::TooYoung => "it is too young",
            Self::UnknownAge => "its age is not known",
        }
    }
}
