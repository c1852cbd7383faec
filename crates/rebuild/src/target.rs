//! The store that is rebuilt, whichever it is.

use crate::{RebuildError, ports::RebuildPorts, scope::RebuiltStore};
use event_schema::{mutation::DocumentKey, position::Version};
use std::{collections::BTreeMap, sync::Arc};
use store::{Collection, DocumentWrite, ItemVerdict, Record, StoreError, View, document::Write};

pub(crate) enum RebuildTarget {
    View(Arc<dyn View>),
    /// The second place of a collection of a view.
    Successor(Arc<dyn View>),
    Record(Arc<dyn Record>),
}

impl RebuildTarget {
    pub fn of(ports: &RebuildPorts, store: RebuiltStore) -> Result<Self, RebuildError> {
        match store {
            RebuiltStore::Record => Ok(Self::Record(ports.record.clone())),
            RebuiltStore::View => {
                let view = ports.view.clone().filter(|view| !view.is_record());
                view.map(Self::View).ok_or(RebuildError::NoView)
            }
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::View(view) | Self::Successor(view) => view.name(),
            Self::Record(record) => record.name(),
        }
    }

    /// Makes what is missing of the places that documents and rows go to.
    pub async fn prepare(
        &self,
        ports: &RebuildPorts,
        collections: &[Collection],
    ) -> Result<(), StoreError> {
        match self {
            Self::Record(record) => record.migrate(&ports.tables).await.map(drop),
            Self::View(view) => {
                for collection in collections {
                    view.create_collection(collection).await?;
                }
                Ok(())
            }
            Self::Successor(_) => Ok(()),
        }
    }

    /// Searches find what was written.
    pub async fn refresh(&self, collections: &[Collection]) -> Result<(), StoreError> {
        match self {
            Self::Record(_) | Self::Successor(_) => Ok(()),
            Self::View(view) => view.refresh(collections).await,
        }
    }

    pub(super) async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict> {
        let documents = || -> Vec<DocumentWrite> {
            let documents = writes.iter().filter_map(|write| match write {
                Write::Document(document) => Some(document.clone()),
                Write::Row(_) => None,
            });
            documents.collect()
        };
        match self {
            Self::Record(record) => record.apply(writes).await,
            Self::View(view) => view.apply(&documents()).await,
            Self::Successor(view) => view.apply_to_successor(&documents()).await,
        }
    }

    /// Of each document as it stands, one answer per key in order.
    pub(super) async fn versions(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<Version>>, StoreError> {
        let view = match self {
            Self::Record(record) => {
                let stored = record.documents(keys).await?.into_iter();
                return Ok(stored.map(|one| Some(one?.meta.version)).collect());
            }
            Self::View(view) => view,
            Self::Successor(_) => return Ok(vec![None; keys.len()]),
        };
        // By collection: one whose index is gone must not hide the others.
        let mut by_collection: BTreeMap<[&str; 3], Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            let name = [&*key.index, &*key.collection, &*key.incarnation];
            by_collection.entry(name).or_default().push(at);
        }
        let mut versions = vec![None; keys.len()];
        for places in by_collection.into_values() {
            let some: Vec<DocumentKey> = places.iter().map(|at| keys[*at].clone()).collect();
            let held = match view.held(&some).await {
                Err(StoreError::NotMigrated { .. }) => continue,
                held => held?,
            };
            for (at, viewed) in places.into_iter().zip(held) {
                versions[at] = viewed.and_then(|viewed| viewed.version);
            }
        }
        Ok(versions)
    }
}
