//! Tables as the catalog declares them and stores make them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The column types that tables may have. JSON forms: text, uuid as string; int, bigint, double as
/// number; boolean; timestamp as Unix milliseconds or an RFC 3339 text; lists as arrays, sets as
/// arrays (order lost), maps as objects with text keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    Text,
    Int,
    Bigint,
    Double,
    Boolean,
    Timestamp,
    /// Always frozen: a list that is not doubles when a write is repeated.
    List(Box<ColumnType>),
    Set(Box<ColumnType>),
    Map(Box<ColumnType>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// A table. Key columns are listed in `columns` too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    pub name: String,
    pub partition_key: Vec<String>,
    #[serde(default)]
    pub clustering: Vec<String>,
    pub columns: Vec<Column>,
    /// Columns with a secondary index.
    #[serde(default)]
    pub indexes: Vec<String>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Key columns in order: partition key, then clustering.
    pub fn key(&self) -> impl Iterator<Item = &str> {
        self.partition_key
            .iter()
            .chain(&self.clustering)
            .map(String::as_str)
    }
}
