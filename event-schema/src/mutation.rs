//! What a store must know how to do: put a whole document, put, merge or remove a row. A small
//! closed set; a store that meets anything else has a bug, not a case.

use crate::Raw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// A document's full name. `incarnation` tells a collection from one of the same name that was
/// dropped before it.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct DocumentKey {
    pub index: String,
    pub collection: String,
    pub incarnation: String,
    pub id: String,
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.index, self.collection, self.id)
    }
}

/// What a decision does to a document. The states before and after are whole either way; this says
/// what the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentAction {
    /// Nothing of the document before is left.
    Put,
    /// Some fields change.
    Merge,
    /// The document goes.
    Remove,
}

/// What becomes of one document in a decision: the state before and after, whole. `None` is "no
/// such document".
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DocumentChange {
    #[serde(rename = "document")]
    pub key: DocumentKey,
    pub action: DocumentAction,
    /// The small `_version` people see, before; 0 where there was no document ever.
    pub revision_before: u64,
    /// And after; a deletion counts as a revision too.
    pub revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub before: Option<Raw>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub after: Option<Raw>,
    /// Of a deletion: not even its marker is left in the stores. Whoever ignores this leaves a marker
    /// at the decision's version, which is harmless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
}

/// A row's full name: its table and all primary-key columns in the table's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowKey {
    pub table: String,
    pub key: Map<String, Value>,
}

/// A row's name as one text that two keys share only if they are the same.
impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        self.key
            .values()
            .try_for_each(|value| write!(f, "/{value}"))
    }
}

/// What a decision does to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowAction {
    /// The row is these cells and nothing else: every other column of the table is cleared.
    Put,
    /// These cells change, the others stay; the row is made if it is not there.
    Merge,
    /// The row goes.
    Remove,
}

/// A row mutation. Cells are JSON values that fit the column's type in the catalog's table; `null`
/// clears a cell.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RowMutation {
    #[serde(rename = "row")]
    pub key: RowKey,
    pub action: RowAction,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub cells: Map<String, Value>,
    /// The whole row before (without its key), for the reverse change; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Map<String, Value>>,
    /// Unix milliseconds at which the row before goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<i64>,
    /// Unix milliseconds at which the row goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}
