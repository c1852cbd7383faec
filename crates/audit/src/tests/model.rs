//! Stores that hold whatever a test says, and tell it of every read.

use event_schema::{
    decision::Mark,
    envelope::Claim,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::{
    ClaimOutcome, Collection, DocumentWrite, ItemVerdict, Record, SearchRequest, SearchResult,
    StoreError, StoredDocument, Unmappable, View,
    document::{RowScan, StoredRow, Write},
    schema::{MigrationReport, Table, Weakness},
    view::ViewedDocument,
};

/// What the stores hold. A key is a document's or row's name.
#[derive(Default)]
pub struct Held {
    pub documents: BTreeMap<String, (DocumentKey, StoredDocument)>,
    pub viewed: BTreeMap<String, (DocumentKey, ViewedDocument)>,
    pub rows: BTreeMap<String, Map<String, Value>>,
    pub ledger: BTreeMap<RequestId, LedgerEntry>,
    pub marks: BTreeMap<u16, Mark>,
    pub collections: Vec<Collection>,
}

type Hook = Box<dyn FnMut(&mut Held) + Send>;

#[derive(Default)]
pub struct ModelStores {
    pub held: Mutex<Held>,
    /// Called before each read of documents or of a mark in the record, until it is taken away.
    pub before_read: Mutex<Option<Hook>>,
}

impl ModelStores {
    fn run_hook(&self, held: &mut Held) {
        if let Some(hook) = self.before_read.lock().as_mut() {
            hook(held);
        }
    }
}

fn no<T>() -> Result<T, StoreError> {
    Err(StoreError::Refused {
        store: "model",
        why: "an audit does not ask for this".into(),
    })
}

pub struct ModelRecord(pub std::sync::Arc<ModelStores>);
pub struct ModelView(pub std::sync::Arc<ModelStores>);

#[async_trait::async_trait]
impl Record for ModelRecord {
    fn name(&self) -> &'static str {
        "record"
    }
    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let mut held = self.0.held.lock();
        if !keys.is_empty() {
            self.0.run_hook(&mut held);
        }
        let name = change_feed::document_name;
        let find = |key| held.documents.get(&name(key)).map(|(_, one)| one.clone());
        Ok(keys.iter().map(find).collect())
    }
    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        let held = self.0.held.lock();
        let find = |key| {
            let cells = held.rows.get(&change_feed::row_name(key))?.clone();
            let expires = None;
            Some(StoredRow { cells, expires })
        };
        Ok(keys.iter().map(find).collect())
    }
    async fn scan_rows(&self, _: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        no()
    }
    async fn apply(&self, _: &[Write]) -> Vec<ItemVerdict> {
        panic!("an audit wrote to a store")
    }
    async fn remember(&self, _: &[LedgerEntry]) -> Vec<ItemVerdict> {
        panic!("an audit wrote to the ledger")
    }
    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        let held = self.0.held.lock();
        Ok(requests
            .iter()
            .map(|id| held.ledger.get(id).cloned())
            .collect())
    }
    async fn claim(&self, _: &Claim, _: &RequestId) -> Result<ClaimOutcome, StoreError> {
        no()
    }
    async fn keep_text(&self, _: &str, _: &str, _: i64) -> Result<(), StoreError> {
        no()
    }
    async fn kept_text(&self, _: &str) -> Result<Option<String>, StoreError> {
        no()
    }
    async fn set_mark(&self, _: &Mark) -> Result<(), StoreError> {
        no()
    }
    async fn mark(&self, _: u16, partition: u16) -> Result<Option<Mark>, StoreError> {
        let mut held = self.0.held.lock();
        self.0.run_hook(&mut held);
        Ok(held.marks.get(&partition).cloned())
    }
    async fn create_collection(&self, _: &Collection) -> Result<Collection, StoreError> {
        no()
    }
    async fn collection(&self, _: &str, _: &str) -> Result<Option<Collection>, StoreError> {
        no()
    }
    async fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        Ok(self.0.held.lock().collections.clone())
    }
    async fn indices(&self) -> Result<Vec<String>, StoreError> {
        no()
    }
    async fn replace_collection(&self, _: &Collection, _: &Collection) -> Result<bool, StoreError> {
        no()
    }
    async fn drop_collection(&self, _: &str, _: &str, _: &str) -> Result<bool, StoreError> {
        no()
    }
    async fn scan(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let held = self.0.held.lock();
        let ours = held.documents.values().filter(|(key, stored)| {
            let name = [&key.index, &key.collection, &key.incarnation];
            name == [index, collection, incarnation] && stored.body.is_some()
        });
        let ids = ours.map(|(key, _)| key.id.clone());
        let behind = ids.filter(|id| after.is_none_or(|after| id.as_str() > after));
        Ok(behind.take(limit.min(3)).collect())
    }
    async fn migrate(&self, _: &[Table]) -> Result<MigrationReport, StoreError> {
        no()
    }
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        no()
    }
}

#[async_trait::async_trait]
impl View for ModelView {
    fn name(&self) -> &'static str {
        "view"
    }
    async fn apply(&self, _: &[DocumentWrite]) -> Vec<ItemVerdict> {
        panic!("an audit wrote to a view")
    }
    fn check(&self, _: &Collection, _: &str, _: &event_schema::Raw) -> Result<(), Unmappable> {
        Ok(())
    }
    async fn refresh(&self, _: &[Collection]) -> Result<(), StoreError> {
        no()
    }
    async fn search_together(
        &self,
        _: &[&Collection],
        _: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        no()
    }
    async fn count(&self, _: &Collection, _: Option<&Value>) -> Result<u64, StoreError> {
        no()
    }
    async fn sizes(&self, _: &[Collection]) -> Result<Vec<u64>, StoreError> {
        no()
    }
    async fn documents(
        &self,
        _: &[DocumentKey],
    ) -> Result<Vec<Option<event_schema::Raw>>, StoreError> {
        no()
    }
    async fn held(&self, keys: &[DocumentKey]) -> Result<Vec<Option<ViewedDocument>>, StoreError> {
        let held = self.0.held.lock();
        let name = change_feed::document_name;
        let find = |key| held.viewed.get(&name(key)).map(|(_, one)| one.clone());
        Ok(keys.iter().map(find).collect())
    }
    async fn scan(
        &self,
        collection: &Collection,
        page: Option<&str>,
        _: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let held = self.0.held.lock();
        let ours = held.viewed.values().filter(|(key, viewed)| {
            key.incarnation == collection.incarnation && viewed.body.is_some()
        });
        let ids: Vec<String> = ours.map(|(key, _)| key.id.clone()).collect();
        let from = page.map_or(0, |page| page.parse().expect("a page of this model"));
        let some: Vec<String> = ids.iter().skip(from).take(2).cloned().collect();
        let next = from + some.len();
        let more = (next < ids.len()).then(|| next.to_string());
        Ok((some, more))
    }
    async fn create_collection(&self, _: &Collection) -> Result<(), StoreError> {
        no()
    }
    async fn update_collection(&self, _: &Collection) -> Result<(), StoreError> {
        no()
    }
    async fn drop_collection(&self, _: &Collection) -> Result<(), StoreError> {
        no()
    }
    async fn migrate(&self, _: &[Collection]) -> Result<MigrationReport, StoreError> {
        no()
    }
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        no()
    }
}
