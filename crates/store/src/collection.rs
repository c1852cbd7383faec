//! Collections: created by a synchronous, idempotent call; the worker never creates one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A collection as the record store knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    pub index: String,
    pub collection: String,
    /// Tells this collection from an earlier one of the same name; part of physical names and
    /// record keys. 8 characters `[a-z0-9]`.
    pub incarnation: String,
    /// Elasticsearch mappings (`{"properties":…,"dynamic":…}`), as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    /// What clients declare of its documents beside the mapping; no store reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specifications: Option<Value>,
    /// Unix milliseconds.
    pub created: i64,
    /// Mappings that are about to stand: until they do, a document must fit both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changing: Option<MappingChange>,
}

/// A change of mappings that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MappingChange {
    pub mappings: Value,
    /// When it began, Unix milliseconds.
    pub since: i64,
    /// The view has a second place for the documents, and every write goes to both: whoever heard
    /// that one is applied finds it, whichever of the two is searched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes_both: bool,
}

impl Collection {
    /// The name under which events and caches know it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.index, self.collection)
    }

    /// What remembers an index that may have no collection: a collection without a name, which no
    /// list of collections shows.
    pub fn index_only(index: &str, created: i64) -> Self {
        let (index, collection, incarnation) =
            (index.to_owned(), String::new(), "00000000".to_owned());
        Self {
            index,
            collection,
            incarnation,
            mappings: None,
            settings: None,
            created,
            specifications: None,
            changing: None,
        }
    }

    pub fn is_index_only(&self) -> bool {
        self.collection.is_empty()
    }
}
