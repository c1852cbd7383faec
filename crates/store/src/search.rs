//! Searches as the API takes them: an Elasticsearch body of five members.

use event_schema::Raw;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `{"query", "sort", "from", "size", "search_after"}`; anything else is refused by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<Value>,
    /// 0 by default; `from + size` at most 10,000.
    #[serde(default)]
    pub from: usize,
    /// 10 by default.
    #[serde(default = "ten")]
    pub size: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_after: Option<Vec<Value>>,
}

fn ten() -> usize {
    10
}

#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(rename = "_source")]
    pub source: Raw,
    /// The sort values, to go on from with `search_after`; empty without `sort`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SearchResult {
    pub hits: Vec<Hit>,
    /// How many match in all, exactly.
    pub total: u64,
}
