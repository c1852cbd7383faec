//! Stores that stand in front of the real one and fail on command. What they let through is real.

use event_schema::{
    Raw,
    decision::Mark,
    envelope::Claim,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{
    ClaimOutcome, Collection, DocumentWrite, ItemVerdict, Record, SearchRequest, SearchResult,
    StoreError, StoredDocument, Unmappable, View,
    document::{RowScan, StoredRow, Write},
    schema::{MigrationReport, Table, Weakness},
};

/// What is to go wrong.
#[derive(Debug, Default)]
pub struct Faults {
    /// The record store is away.
    pub record_away: AtomicBool,
    /// The view takes no write, and may never again.
    pub view_away: AtomicBool,
    /// How often the view was asked to write.
    pub view_tries: AtomicUsize,
    /// Bodies that hold this text are refused for good by the view.
    pub poison: Mutex<Option<String>>,
    /// The same by the record store.
    pub record_poison: Mutex<Option<String>>,
    /// So many calls of the record store to write are answered with a time-out.
    pub record_slow: AtomicUsize,
    /// So many calls of the record store to write panic, each in the task of its partition.
    pub record_panics: AtomicUsize,
    /// Documents that the record store gives out with a revision after which there is none.
    pub last_revision: Mutex<HashSet<String>>,
    /// The record store holds no mark: it is another one, or was emptied.
    pub no_mark: AtomicBool,
    /// The record store keeps no mark, and whatever else it is given.
    pub marks_refused: AtomicBool,
    /// A mark that the record store gives out once more, though it has a newer one.
    pub old_mark: Mutex<Option<Mark>>,
    /// Documents that the view was told to mark as diverged.
    pub diverged: Mutex<Vec<String>>,
    /// Every document write that reached the record store: key → versions in order.
    pub writes: Mutex<HashMap<String, Vec<u64>>>,
    /// Ledger rows by request: verdicts must never change but by a newer version.
    pub verdicts: Mutex<HashMap<String, Vec<String>>>,
    /// The most entries that the ledger was given together.
    pub largest_batch: AtomicUsize,
    /// How often the ledger was asked.
    pub ledger_reads: AtomicUsize,
    /// How often the record store was asked for rows.
    pub row_reads: AtomicUsize,
    /// How often the record store was asked to write.
    pub record_writes: AtomicUsize,
    /// Answered as applied, then forgotten: acknowledged writes that a killed process loses.
    pub forget: Mutex<HashSet<String>>,
    /// Does the store say that it forgets?
    pub forgetful: AtomicBool,
    /// Where whoever writes is stopped for ever, as by a crash.
    pub abyss: Mutex<Option<Abyss>>,
    /// Somebody was.
    pub reached: AtomicBool,
}

/// A place between two effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abyss {
    BeforeRecord,
    /// One of several writes stands.
    InRecord,
    BeforeView,
    BeforeLedger,
    AfterLedger,
}

impl Abyss {
    /// In the order in which a worker passes them.
    pub const ALL: [Self; 5] = [
        Self::BeforeRecord,
        Self::InRecord,
        Self::BeforeView,
        Self::BeforeLedger,
        Self::AfterLedger,
    ];
}

impl Faults {
    fn is_record_poison(&self, write: &Write) -> bool {
        let Write::Document(document) = write else {
            return false;
        };
        let body = document.body.as_ref().map_or("", |body| body.get());
        let poison = self.record_poison.lock().unwrap();
        poison.as_ref().is_some_and(|poison| body.contains(poison))
    }

    async fn pass(&self, place: Abyss) {
        if *self.abyss.lock().unwrap() == Some(place) {
            self.reached.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
}

/// Takes one of what is to go wrong so many times.
fn is_due(times: &AtomicUsize) -> bool {
    let fewer = |left: usize| left.checked_sub(1);
    let one = times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer);
    one.is_ok()
}

pub struct FaultyRecord(pub Arc<dyn Record>, pub Arc<Faults>);

impl FaultyRecord {
    fn away(&self) -> Result<(), StoreError> {
        self.fails_if(&self.1.record_away)
    }

    fn fails_if(&self, fault: &AtomicBool) -> Result<(), StoreError> {
        if fault.load(Ordering::SeqCst) {
            Err(StoreError::Unavailable {
                store: "faulty",
                why: "away".into(),
            })
        } else {
            Ok(())
        }
    }
}

#[async_trait::async_trait]
impl Record for FaultyRecord {
    fn name(&self) -> &'static str {
        "faulty"
    }
    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        self.away()?;
        let mut found = self.0.documents(keys).await?;
        let last = self.1.last_revision.lock().unwrap();
        for (key, stored) in keys.iter().zip(&mut found) {
            if let Some(stored) = stored.as_mut().filter(|_| last.contains(&key.id)) {
                stored.meta.revision = u64::MAX;
            }
        }
        Ok(found)
    }
    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        self.away()?;
        self.1.row_reads.fetch_add(1, Ordering::SeqCst);
        self.0.rows(keys).await
    }
    async fn scan_rows(&self, scan: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        self.away()?;
        self.0.scan_rows(scan).await
    }
    async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict> {
        self.1.record_writes.fetch_add(1, Ordering::SeqCst);
        if self.away().is_err() {
            return writes
                .iter()
                .map(|_| ItemVerdict::Transient("away".into()))
                .collect();
        }
        if is_due(&self.1.record_panics) {
            panic!("a store panicked on command");
        }
        if is_due(&self.1.record_slow) {
            return vec![ItemVerdict::Transient("timed out".into()); writes.len()];
        }
        let forget = self.1.forget.lock().unwrap().clone();
        let mut verdicts = Vec::new();
        self.1.pass(Abyss::BeforeRecord).await;
        for (n, write) in writes.iter().enumerate() {
            if n == 1 {
                self.1.pass(Abyss::InRecord).await;
            }
            if let Write::Document(document) = write {
                let key = document.key.id.clone();
                self.1
                    .writes
                    .lock()
                    .unwrap()
                    .entry(key.clone())
                    .or_default()
                    .push(document.meta.version.offset().get());
                if forget.contains(&key) {
                    verdicts.push(ItemVerdict::Done);
                    continue;
                }
            }
            if self.1.is_record_poison(write) {
                verdicts.push(ItemVerdict::permanent("refused_by_test", "holds poison"));
                continue;
            }
            verdicts.extend(self.0.apply(std::slice::from_ref(write)).await);
        }
        verdicts
    }
    async fn remember(&self, entries: &[LedgerEntry]) -> Vec<ItemVerdict> {
        if self.away().is_err() {
            return entries
                .iter()
                .map(|_| ItemVerdict::Transient("away".into()))
                .collect();
        }
        self.1.pass(Abyss::BeforeLedger).await;
        let most = &self.1.largest_batch;
        most.fetch_max(entries.len(), Ordering::SeqCst);
        for entry in entries {
            let mut verdicts = self.1.verdicts.lock().unwrap();
            verdicts
                .entry(entry.request.to_string())
                .or_default()
                .push(format!("{:?}", entry.verdict));
        }
        let remembered = self.0.remember(entries).await;
        self.1.pass(Abyss::AfterLedger).await;
        remembered
    }
    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        self.away()?;
        self.1.ledger_reads.fetch_add(1, Ordering::SeqCst);
        self.0.ledger(requests).await
    }
    async fn claim(&self, claim: &Claim, request: &RequestId) -> Result<ClaimOutcome, StoreError> {
        self.away()?;
        self.0.claim(claim, request).await
    }
    async fn keep_text(&self, name: &str, text: &str, until: i64) -> Result<(), StoreError> {
        self.away()?;
        self.0.keep_text(name, text, until).await
    }
    async fn kept_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.away()?;
        self.0.kept_text(name).await
    }
    async fn held_values(&self, names: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        self.0.held_values(names).await
    }
    async fn value_names(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.0.value_names(after, limit).await
    }
    async fn swap_value(
        &self,
        name: &str,
        was: Option<&str>,
        new: &str,
    ) -> Result<store::Swapped, StoreError> {
        self.0.swap_value(name, was, new).await
    }
    async fn purge_replaced_values(&self) -> Result<Vec<String>, StoreError> {
        self.0.purge_replaced_values().await
    }
    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        self.away()?;
        self.fails_if(&self.1.marks_refused)?;
        self.0.set_mark(mark).await
    }
    async fn mark(&self, generation: u16, partition: u16) -> Result<Option<Mark>, StoreError> {
        if self.1.no_mark.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let is_this = |mark: &mut Mark| mark.partition == partition;
        let old = self.1.old_mark.lock().unwrap().take_if(is_this);
        if let Some(old) = old {
            return Ok(Some(old));
        }
        self.away()?;
        self.0.mark(generation, partition).await
    }
    async fn create_collection(&self, collection: &Collection) -> Result<Collection, StoreError> {
        self.0.create_collection(collection).await
    }
    async fn collection(
        &self,
        index: &str,
        collection: &str,
    ) -> Result<Option<Collection>, StoreError> {
        self.away()?;
        self.0.collection(index, collection).await
    }
    async fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        self.0.collections().await
    }
    async fn indices(&self) -> Result<Vec<String>, StoreError> {
        self.0.indices().await
    }
    async fn replace_collection(
        &self,
        collection: &Collection,
        was: &Collection,
    ) -> Result<bool, StoreError> {
        self.0.replace_collection(collection, was).await
    }
    async fn drop_collection(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
    ) -> Result<bool, StoreError> {
        self.0.drop_collection(index, collection, incarnation).await
    }
    async fn scan(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.0
            .scan(index, collection, incarnation, after, limit)
            .await
    }
    async fn migrate(&self, tables: &[Table]) -> Result<MigrationReport, StoreError> {
        self.0.migrate(tables).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.away()
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        Ok(Vec::new())
    }
    async fn may_forget(&self) -> Result<Option<Duration>, StoreError> {
        let is_forgetful = self.1.forgetful.load(Ordering::SeqCst);
        Ok(is_forgetful.then_some(Duration::from_secs(60)))
    }
}

pub struct FaultyView(pub Arc<dyn View>, pub Arc<Faults>);

#[async_trait::async_trait]
impl View for FaultyView {
    fn name(&self) -> &'static str {
        "faulty-view"
    }
    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        self.1.view_tries.fetch_add(1, Ordering::SeqCst);
        self.1.pass(Abyss::BeforeView).await;
        if self.1.view_away.load(Ordering::SeqCst) {
            return vec![ItemVerdict::Transient("the view is away".into()); writes.len()];
        }
        let poison = self.1.poison.lock().unwrap().clone();
        let mut verdicts = Vec::with_capacity(writes.len());
        for write in writes {
            let body = write.body.as_ref().map_or("", |body| body.get());
            if poison.as_ref().is_some_and(|poison| body.contains(poison)) {
                verdicts.push(ItemVerdict::permanent("refused_by_test", "holds poison"));
                continue;
            }
            if write.diverged {
                self.1.diverged.lock().unwrap().push(write.key.id.clone());
            }
            verdicts.extend(self.0.apply(std::slice::from_ref(write)).await);
        }
        verdicts
    }
    fn check(&self, collection: &Collection, id: &str, body: &Raw) -> Result<(), Unmappable> {
        self.0.check(collection, id, body)
    }
    async fn refresh(&self, collections: &[Collection]) -> Result<(), StoreError> {
        self.0.refresh(collections).await
    }
    async fn search_together(
        &self,
        collections: &[&Collection],
        request: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        self.0.search_together(collections, request).await
    }
    async fn count(
        &self,
        collection: &Collection,
        query: Option<&serde_json::Value>,
    ) -> Result<u64, StoreError> {
        self.0.count(collection, query).await
    }
    async fn sizes(&self, collections: &[Collection]) -> Result<Vec<u64>, StoreError> {
        self.0.sizes(collections).await
    }
    async fn documents(&self, keys: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError> {
        self.0.documents(keys).await
    }
    async fn create_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.0.create_collection(collection).await
    }
    async fn update_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.0.update_collection(collection).await
    }
    async fn drop_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.0.drop_collection(collection).await
    }
    async fn migrate(&self, collections: &[Collection]) -> Result<MigrationReport, StoreError> {
        self.0.migrate(collections).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.0.ready().await
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        self.0.weaknesses().await
    }
}
