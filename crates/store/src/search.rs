//! Searches as the API takes them: an Elasticsearch body of the members listed here, and what comes
//! back. A driver answers a member exactly or refuses it by name.

use crate::StoreError;
use event_schema::Raw;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The members of a search body. Anything else is refused by name.
pub const MEMBERS: [&str; 18] = [
    "query",
    "sort",
    "from",
    "size",
    "search_after",
    "_source",
    "aggs",
    "aggregations",
    "highlight",
    "collapse",
    "suggest",
    "fields",
    "docvalue_fields",
    "post_filter",
    "min_score",
    "track_scores",
    "track_total_hits",
    "rescore",
];

/// A search body; anything that is not listed here is refused by name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
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
    /// Which members of the documents are shown.
    #[serde(rename = "_source", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    #[serde(
        rename = "aggs",
        alias = "aggregations",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub aggregations: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highlight: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collapse: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggest: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docvalue_fields: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_filter: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescore: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_scores: Option<bool>,
    /// `true` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_total_hits: Option<TrackedHits>,
    /// Read from what was searchable when the snapshot was taken.
    #[serde(skip)]
    pub snapshot: Option<Snapshot>,
}

/// The deepest page, as Elasticsearch's `max_result_window`.
const WINDOW: usize = 10_000;

impl SearchRequest {
    /// Refuses a page that lies too deep, or that begins in two ways.
    ///
    /// # Errors
    /// [`StoreError::BadSearch`], with the pointer of what is wrong.
    pub fn check_page(&self) -> Result<(), StoreError> {
        let bad = |message: String, at: &str| StoreError::BadSearch {
            message,
            pointer: at.to_owned(),
        };
        if self.from.saturating_add(self.size) > WINDOW {
            let why = format!("from + size is at most {WINDOW}: go on with search_after");
            return Err(bad(why, "/size"));
        }
        if self.from > 0 && self.search_after.is_some() {
            return Err(bad("from must be 0 with search_after".to_owned(), "/from"));
        }
        Ok(())
    }
}

/// How many hits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum TrackedHits {
    /// All, or none.
    All(bool),
    /// Beyond so many it is only said that there are more.
    UpTo(u64),
}

/// A view as it was at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Snapshot {
    pub id: String,
    /// Milliseconds for which it is kept after each page.
    pub keep: i64,
}

fn ten() -> usize {
    10
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Hit {
    /// Which of the collections that were searched it is of.
    #[serde(skip)]
    pub collection: usize,
    #[serde(rename = "_id")]
    pub id: String,
    /// `None` with a sort that does not track scores.
    #[serde(rename = "_score", skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// `None` where the search says `"_source": false`.
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    pub source: Option<Raw>,
    /// The sort values, to go on from with `search_after`; empty without `sort`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlight: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_hits: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_queries: Option<Value>,
}

impl Hit {
    /// The document's text, empty where it is not shown.
    #[must_use]
    pub fn source_text(&self) -> &str {
        self.source.as_ref().map_or("", |source| source.get())
    }
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct SearchResult {
    pub hits: Vec<Hit>,
    /// How many match in all, exactly unless the search says otherwise; `None` if they were not
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// `"gte"` where there are more than `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_relation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregations: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggest: Option<Value>,
    /// The snapshot for the next page.
    #[serde(skip)]
    pub snapshot: Option<Snapshot>,
}

impl SearchResult {
    /// The number of hits that are known of.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total.unwrap_or(self.hits.len() as u64)
    }

    /// Says as much of the total as was asked for.
    #[must_use]
    pub fn counted(mut self, total: u64, tracked: Option<TrackedHits>) -> Self {
        (self.total, self.total_relation) = match tracked {
            Some(TrackedHits::All(false)) => (None, None),
            Some(TrackedHits::UpTo(most)) if total > most => (Some(most), Some("gte")),
            _ => (Some(total), None),
        };
        self
    }
}
