//! How what records touch is named, so that two share a name only if they touch the same.

use event_schema::{
    id::EntityKey,
    mutation::{DocumentKey, RowKey},
};

/// Names that two documents or rows share only if they are the same.
pub(super) fn touched_names<'a>(
    documents: impl IntoIterator<Item = &'a DocumentKey>,
    rows: impl IntoIterator<Item = &'a RowKey>,
    key: Option<String>,
) -> Box<[String]> {
    let documents = documents.into_iter().map(document_name);
    let named = documents.chain(rows.into_iter().map(row_name));
    named.chain(key).collect()
}

/// An entity key's name among them.
pub fn key_name(key: &EntityKey) -> String {
    format!("key {key}")
}

/// A document's name among all that records change.
pub fn document_name(key: &DocumentKey) -> String {
    format!("{}/{key}", key.incarnation)
}

/// A row's.
pub fn row_name(key: &RowKey) -> String {
    format!("row {key}")
}
