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
    schema::{MigrationReport, Weakness},
    view::Unmappable,
};

const NAME: &str = "model-view";

/// What is indexed.
#[derive(Default)]
pub struct ModelView(Mutex<BTreeMap<String, Indexed>>);

/// A document as the view holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    pub version: Version,
    pub body: Option<String>,
    /// The record holds a body that the view refuses.
    pub is_diverged: bool,
}

impl ModelView {
    pub fn contents(&self) -> BTreeMap<String, Indexed> {
        self.0.lock().clone()
    }

    fn put(&self, write: &DocumentWrite, is_fickle: bool) -> ItemVerdict {
        let body = write.body.as_ref().map(|body| body.get().to_owned());
        let text = body.as_deref().unwrap_or("");
        if text.contains(UNMAPPABLE) || (is_fickle && text.contains(FICKLE)) {
            return ItemVerdict::permanent("mapper_parsing_exception", "the mapping refuses it");
        }
        let version = write.meta.version;
        let mut indexed = self.0.lock();
        let name = document_name(&write.key);
        let stands = indexed.get(&name).map(|stands| stands.version);
        if stands.is_none_or(|stands| stands < version) {
            let new = Indexed {
                version,
                body,
                is_diverged: write.diverged,
            };
            indexed.insert(name, new);
        }
        ItemVerdict::Done
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
