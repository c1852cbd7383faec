//! What is rebuilt: of which store, and which documents and rows. Pure.

use crate::RebuildError;
use event_schema::mutation::{DocumentKey, RowKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::Collection;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebuiltStore {
    View,
    Record,
}

/// Nothing named: all documents, and of the record all rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildScope {
    pub store: RebuiltStore,
    /// Only documents of this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Only those of this collection of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Only rows of this table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
}

impl RebuildScope {
    pub fn whole(store: RebuiltStore) -> Self {
        Self {
            store,
            index: None,
            collection: None,
            table: None,
        }
    }

    /// Against the collections that stand: what is named must be there.
    pub(crate) fn check(&self, collections: &[Collection]) -> Result<(), RebuildError> {
        let nothing = |what: String| Err(RebuildError::NothingNamed(what));
        if self.table.is_some() && self.store == RebuiltStore::View {
            return nothing("tables are in the record only".to_owned());
        }
        if self.table.is_some() && self.index.is_some() {
            return nothing("name a table or an index, not both".to_owned());
        }
        if self.collection.is_some() && self.index.is_none() {
            return nothing("a collection is one of an index: name that as well".to_owned());
        }
        let mut named = collections.iter().filter(|one| self.names(one));
        if self.index.is_some() && named.next().is_none() {
            return nothing("there is no such collection".to_owned());
        }
        Ok(())
    }

    pub(crate) fn names(&self, collection: &Collection) -> bool {
        let is_named =
            |asked: &Option<String>, name: &str| asked.as_ref().is_none_or(|asked| asked == name);
        self.table.is_none()
            && is_named(&self.index, &collection.index)
            && is_named(&self.collection, &collection.collection)
    }

    pub(crate) fn takes_row(&self, row: &RowKey) -> bool {
        self.store == RebuiltStore::Record
            && self.index.is_none()
            && self.table.as_ref().is_none_or(|table| *table == row.table)
    }
}

/// The collections that are rebuilt; what was dropped or emptied is none of them.
pub(crate) struct LivingCollections(BTreeSet<[String; 3]>);

impl LivingCollections {
    pub fn new<'a>(collections: impl IntoIterator<Item = &'a Collection>) -> Self {
        let name =
            |one: &Collection| [&one.index, &one.collection, &one.incarnation].map(Clone::clone);
        Self(collections.into_iter().map(name).collect())
    }

    pub fn holds(&self, key: &DocumentKey) -> bool {
        let name = [&key.index, &key.collection, &key.incarnation].map(Clone::clone);
        self.0.contains(&name)
    }
}
