//! The view: the same documents, for search. It refuses some bodies for good and some only at
//! times, which no check knows beforehand.

use crate::{
    events::document_name,
    faults::{FICKLE, FaultKind, Faults, UNMAPPABLE},
    process::ModelProcess,
};
use event_schema::{Raw, mutation::DocumentKey, position::Version};
use parking_lot::Mutex;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use store::{
    Collection, DocumentWrite, ItemVerdict, SearchRequest, SearchResult, StoreError, View,
    document::Meta,
    schema::{MigrationReport, Weakness},
    view::{Unmappable, ViewedDocument},
};

const NAME: &str = "model-view";

/// What is indexed.
#[derive(Default)]
pub struct ModelView {
    indexed: Mutex<BTreeMap<String, Indexed>>,
    /// Documents whose markers were purged, and at which version.
    purged: Mutex<BTreeMap<String, Version>>,
    /// What must never be, and was.
    faults: Mutex<Vec<String>>,
}

/// A document as the view holds it.
#[derive(Clone, Debug)]
pub struct Indexed {
    pub meta: Meta,
    pub body: Option<Raw>,
    /// The record holds a body that the view refuses.
    pub is_diverged: bool,
}

impl ModelView {
    pub fn contents(&self) -> BTreeMap<String, Indexed> {
        self.indexed.lock().clone()
    }

    fn put(&self, write: &DocumentWrite, is_fickle: bool) -> ItemVerdict {
        let text = write.body.as_ref().map_or("", |body| body.get());
        if text.contains(UNMAPPABLE) || (is_fickle && text.contains(FICKLE)) {
            return ItemVerdict::permanent("mapper_parsing_exception", "the mapping refuses it");
        }
        let mut indexed = self.indexed.lock();
        let name = document_name(&write.key);
        let stands = indexed.get(&name).map(|stands| stands.meta.version);
        let version = write.meta.version;
        let is_newer = stands.is_none_or(|stands| stands < version);
        let mut purged = self.purged.lock();
        if is_newer && write.purged {
            indexed.remove(&name);
            purged.insert(name, version);
        } else if is_newer {
            let purged = purged.get(&name).filter(|purged| **purged > version);
            if let (None, Some(purged)) = (stands, purged) {
                self.faults.lock().push(format!(
                    "{name} was indexed at version {version}, and its marker went at {purged}"
                ));
            }
            let new = Indexed {
                meta: write.meta,
                body: write.body.clone(),
                is_diverged: write.diverged,
            };
            indexed.insert(name, new);
        }
        ItemVerdict::Done
    }

    /// Another index, or one that was emptied.
    pub fn empty(&self) {
        self.indexed.lock().clear();
        self.purged.lock().clear();
    }

    /// What must never be, and was.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.faults.lock())
    }

    /// A document is gone, and nothing says so.
    pub fn damage(&self, name: &str) {
        self.indexed.lock().remove(name);
    }

    /// The view as a process of its own sees it.
    #[must_use]
    pub fn of(self: &Arc<Self>, process: &ModelProcess, faults: &Faults) -> Arc<dyn View> {
        Arc::new(ProcessView {
            view: self.clone(),
            process: process.clone(),
            faults: faults.clone(),
        })
    }
}

struct ProcessView {
    view: Arc<ModelView>,
    process: ModelProcess,
    faults: Faults,
}

impl ProcessView {
    async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&BTreeMap<String, Indexed>) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (view, faults) = (self.view.clone(), self.faults.clone());
        let answer = self
            .process
            .call(move || (!faults.is_view_away()).then(|| act(&view.indexed.lock())));
        answer.await.ok_or_else(|| StoreError::Unavailable {
            store: NAME,
            why: "away".into(),
        })
    }
}

fn viewed(indexed: &Indexed) -> Option<ViewedDocument> {
    Some(ViewedDocument {
        version: Some(indexed.meta.version),
        request: Some(indexed.meta.request),
        revision: Some(indexed.meta.revision),
        diverged: indexed.is_diverged,
        body: indexed.body.clone(),
    })
}

fn unsupported() -> StoreError {
    StoreError::Refused {
        store: NAME,
        why: "no history asks this".into(),
    }
}

#[async_trait::async_trait]
impl View for ProcessView {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        let (view, faults, writes) = (self.view.clone(), self.faults.clone(), writes.to_vec());
        let answer = self.process.call(move || {
            let verdict = |write: &DocumentWrite| {
                if faults.is_view_away() || faults.strikes(FaultKind::HalfAnswers, 20) {
                    return ItemVerdict::Transient("429".into());
                }
                let verdict = view.put(write, faults.is_view_fickle());
                if faults.strikes(FaultKind::HalfAnswers, 20) {
                    return ItemVerdict::Transient("timed out when it was done".into());
                }
                verdict
            };
            writes.iter().map(verdict).collect()
        });
        answer.await
    }

    fn check(&self, _collection: &Collection, _id: &str, _body: &Raw) -> Result<(), Unmappable> {
        Ok(())
    }

    async fn refresh(&self, _collections: &[Collection]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn search_together(
        &self,
        _collections: &[&Collection],
        _request: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        Err(unsupported())
    }

    async fn count(
        &self,
        _collection: &Collection,
        _query: Option<&Value>,
    ) -> Result<u64, StoreError> {
        Err(unsupported())
    }

    async fn documents(&self, _keys: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError> {
        Err(unsupported())
    }

    async fn held(&self, keys: &[DocumentKey]) -> Result<Vec<Option<ViewedDocument>>, StoreError> {
        let names: Vec<String> = keys.iter().map(document_name).collect();
        self.ask(move |indexed| {
            names
                .iter()
                .map(|name| viewed(indexed.get(name)?))
                .collect()
        })
        .await
    }

    async fn scan(
        &self,
        collection: &Collection,
        _page: Option<&str>,
        _limit: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let collection = format!("{}/", collection.collection);
        let ids = move |indexed: &BTreeMap<String, Indexed>| {
            let standing = indexed.iter().filter(|(_, indexed)| indexed.body.is_some());
            let ids = standing.filter_map(|(name, _)| name.strip_prefix(&collection));
            ids.map(str::to_owned).collect()
        };
        Ok((self.ask(ids).await?, None))
    }

    async fn create_collection(&self, _collection: &Collection) -> Result<(), StoreError> {
        Ok(())
    }

    async fn update_collection(&self, _collection: &Collection) -> Result<(), StoreError> {
        Ok(())
    }

    async fn drop_collection(&self, _collection: &Collection) -> Result<(), StoreError> {
        Ok(())
    }

    async fn migrate(&self, _collections: &[Collection]) -> Result<MigrationReport, StoreError> {
        Err(unsupported())
    }

    async fn sizes(&self, _collections: &[Collection]) -> Result<Vec<u64>, StoreError> {
        Err(unsupported())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        Ok(Vec::new())
    }
}
