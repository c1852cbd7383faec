//! What an intent to mend a store asks for: an item as the log says it is. Its decision is silent,
//! changes nothing that a reader of the log could see, and gives the item a version of its own, so
//! that every store writes it again.

use crate::{
    Raw,
    mutation::{DocumentKey, RowKey},
    offset::ChangesOffset,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Operation of an intent to mend what a store holds.
pub const REPAIR: &str = "audit.repair";

/// The request of such an intent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RepairIntent {
    pub item: RepairedItem,
    /// The log was read up to here, not included: what changed the item since is newer than this.
    pub read_to: ChangesOffset,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The item as it is to stand.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepairedItem {
    Document {
        document: DocumentKey,
        revision: u64,
        /// None: it is deleted.
        #[schemars(with = "Option<Value>")]
        body: Option<Raw>,
    },
    Row {
        row: RowKey,
        /// None: there is none.
        cells: Option<Map<String, Value>>,
        /// Unix milliseconds at which it goes by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<i64>,
    },
}
