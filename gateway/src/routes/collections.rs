//! `/v1/collections`: created by a call that can be repeated; listed.

pub(crate) mod create;
pub(crate) mod list;

use serde::Serialize;
use serde_json::Value;
use store::Collection;

/// A collection on the wire.
#[derive(Serialize)]
pub(crate) struct CollectionShown<'a> {
    index: &'a str,
    collection: &'a str,
    incarnation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mappings: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<&'a Value>,
    created: String,
}

impl<'a> From<&'a Collection> for CollectionShown<'a> {
    fn from(collection: &'a Collection) -> Self {
        Self {
            index: &collection.index,
            collection: &collection.collection,
            incarnation: &collection.incarnation,
            mappings: collection.mappings.as_ref(),
            settings: collection.settings.as_ref(),
            created: event_schema::codec::rfc3339(collection.created),
        }
    }
}
