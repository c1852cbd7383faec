//! `/v1/documents`: by id from the record, by search from the view.

pub(crate) mod compare;
pub(crate) mod count;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod mget;
pub(crate) mod search;

use event_schema::Raw;
use serde::Serialize;

/// A document on the wire.
#[derive(Serialize)]
pub(crate) struct DocumentAnswer<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_source")]
    source: &'a Raw,
    #[serde(rename = "_version")]
    version: u64,
}
