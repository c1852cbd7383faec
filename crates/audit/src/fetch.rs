//! What the stores hold of a few items, read in as few calls as that takes.

use crate::{
    finding::ItemName,
    ports::{AuditError, AuditPorts, StoreSide},
};
use event_schema::{
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::{StoreError, StoredDocument, view::ViewedDocument};

/// An item in a store.
#[derive(Clone, Debug)]
pub(crate) struct StoreLook {
    pub item: ItemName,
    pub side: StoreSide,
}

/// What was there.
#[derive(Clone, Debug)]
pub(crate) enum FoundItem {
    Document(Option<StoredDocument>),
    Viewed(Option<ViewedDocument>),
    Both(Option<StoredDocument>, Option<ViewedDocument>),
    Row(Option<Map<String, Value>>),
    Ledger(Option<Box<LedgerEntry>>),
    /// It is not looked for in this way.
    Nothing,
}

/// One answer per look, in order.
pub(crate) async fn fetch_items(
    ports: &AuditPorts,
    looks: &[StoreLook],
) -> Result<Vec<FoundItem>, AuditError> {
    let mut found = vec![FoundItem::Nothing; looks.len()];
    let (mut documents, mut viewed): (Vec<(usize, DocumentKey)>, Vec<_>) = Default::default();
    let mut rows: BTreeMap<&str, Vec<(usize, RowKey)>> = BTreeMap::new();
    let mut entries: Vec<(usize, RequestId)> = Vec::new();
    for (at, look) in looks.iter().enumerate() {
        match &look.item {
            ItemName::Document { document } => {
                if look.side != StoreSide::View {
                    documents.push((at, document.clone()));
                }
                if look.side != StoreSide::Record {
                    viewed.push((at, document.clone()));
                }
            }
            ItemName::Row { row } => rows.entry(&row.table).or_default().push((at, row.clone())),
            ItemName::Request { ledger } => entries.push((at, *ledger)),
            ItemName::Mark { .. } | ItemName::Event { .. } => {}
        }
    }
    fetch_documents(ports, documents, &mut found).await?;
    fetch_viewed(ports, viewed, &mut found).await?;
    for (_, rows) in rows {
        let (at, keys): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let stored = none_if_missing(ports.record.rows(&keys).await, keys.len())?;
        for (at, stored) in at.into_iter().zip(stored) {
            found[at] = FoundItem::Row(stored.map(|stored| stored.cells));
        }
    }
    let (at, ids): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let stored = ports.record.ledger(&ids).await?;
    for (at, entry) in at.into_iter().zip(stored) {
        found[at] = FoundItem::Ledger(entry.map(Box::new));
    }
    Ok(found)
}

async fn fetch_documents(
    ports: &AuditPorts,
    wanted: Vec<(usize, DocumentKey)>,
    found: &mut [FoundItem],
) -> Result<(), AuditError> {
    let (at, keys): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let stored = ports.record.documents(&keys).await?;
    for (at, stored) in at.into_iter().zip(stored) {
        found[at] = FoundItem::Document(stored);
    }
    Ok(())
}

/// By collection: one whose index is gone must not hide the others.
async fn fetch_viewed(
    ports: &AuditPorts,
    wanted: Vec<(usize, DocumentKey)>,
    found: &mut [FoundItem],
) -> Result<(), AuditError> {
    let mut by_collection: BTreeMap<[String; 3], Vec<(usize, DocumentKey)>> = BTreeMap::new();
    for (at, key) in wanted {
        let collection = [&key.index, &key.collection, &key.incarnation].map(Clone::clone);
        by_collection.entry(collection).or_default().push((at, key));
    }
    for (_, some) in by_collection {
        let (at, keys): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        let stored = match ports.separate_view() {
            Some(view) => none_if_missing(view.held(&keys).await, keys.len())?,
            None => vec![None; keys.len()],
        };
        for (at, stored) in at.into_iter().zip(stored) {
            found[at] = match std::mem::replace(&mut found[at], FoundItem::Nothing) {
                FoundItem::Document(document) => FoundItem::Both(document, stored),
                _ => FoundItem::Viewed(stored),
            };
        }
    }
    Ok(())
}

/// A table or index that is not there holds nothing.
fn none_if_missing<T: Clone>(
    answer: Result<Vec<Option<T>>, StoreError>,
    count: usize,
) -> Result<Vec<Option<T>>, StoreError> {
    match answer {
        Err(StoreError::NotMigrated { .. }) => Ok(vec![None; count]),
        other => other,
    }
}
