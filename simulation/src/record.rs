//! The record store: everything by id, in memory, shared by all processes. It answers each item of
//! a batch for itself, may do what it answers as timed out, refuses poison, and may forget seconds.

mod markers;

use crate::{
    events::document_name,
    faults::{FaultKind, Faults, POISON},
    log::ModelLog,
    process::ModelProcess,
    rows::ModelRows,
};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Mark},
    envelope::Claim,
    held,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::{LedgerEntry, Verdict},
    position::{Position, Version},
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use store::{
    ClaimOutcome, Collection, DocumentWrite, ItemVerdict, Record, StoreError, StoredDocument,
    document::{RowScan, StoredRow, Write},
    schema::{MigrationReport, Table, Weakness},
};
use tokio::time::Instant;

const NAME: &str = "model";
/// What a store that forgets may lose, at most.
pub const FORGOTTEN: Duration = Duration::from_secs(10);

/// What is stored.
pub struct ModelRecord {
    log: Arc<ModelLog>,
    changes: Arc<str>,
    collections: Vec<Collection>,
    /// Copied when it is written while a snapshot of it is kept.
    now: Mutex<Arc<StoreContents>>,
    /// What was true before each write of the last seconds, oldest first.
    before: Mutex<VecDeque<(Instant, Arc<StoreContents>)>>,
    /// Requests that were ever remembered as dead, and the versions of that.
    dead: Mutex<BTreeSet<(String, Version)>>,
    /// What must never be, and was.
    faults: Mutex<Vec<String>>,
}

#[derive(Clone, Default)]
struct StoreContents {
    documents: BTreeMap<String, StoredDocument>,
    rows: ModelRows,
    ledger: HashMap<[u8; 16], LedgerEntry>,
    claims: HashMap<String, RequestId>,
    /// Documents whose markers were purged, and at which version.
    purged: BTreeMap<String, Version>,
    marks: HashMap<(u16, u16), Mark>,
}

impl ModelRecord {
    #[must_use]
    pub fn new(log: Arc<ModelLog>, changes: Arc<str>, collections: Vec<Collection>) -> Self {
        Self {
            log,
            changes,
            collections,
            dead: Mutex::default(),
            now: Mutex::default(),
            before: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    /// The documents that stand, by id, markers left out.
    pub fn documents(&self) -> BTreeMap<String, String> {
        let now = self.now.lock();
        let standing = now.documents.iter();
        standing
            .filter_map(|(id, stored)| Some((id.clone(), stored.body.as_ref()?.get().to_owned())))
            .collect()
    }

    pub fn entry(&self, request: &RequestId) -> Option<LedgerEntry> {
        self.now.lock().ledger.get(&request.unique()).cloned()
    }

    pub fn marks(&self) -> Vec<Mark> {
        self.now.lock().marks.values().cloned().collect()
    }

    /// What is held now.
    pub fn rows(&self) -> ModelRows {
        self.now.lock().rows.clone()
    }

    /// Requests that were ever remembered as dead, and the versions of that.
    pub fn dead(&self) -> BTreeSet<(String, Version)> {
        self.dead.lock().clone()
    }

    /// What must never be, and was.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.faults.lock())
    }

    /// The process of the store is killed: what it took in the last seconds is gone.
    pub fn forget(&self) {
        let oldest = {
            let mut before = self.before.lock();
            before.retain(|(at, _)| at.elapsed() < FORGOTTEN);
            let oldest = before.pop_front().map(|(_, contents)| contents);
            before.clear();
            oldest
        };
        if let Some(oldest) = oldest {
            *self.now.lock() = oldest;
        }
    }

    /// Another store, or one that was emptied.
    pub fn empty(&self) {
        self.before.lock().clear();
        *self.now.lock() = Arc::default();
    }

    /// A document is gone, and nothing says so.
    pub fn damage(&self, name: &str) {
        Arc::make_mut(&mut self.now.lock()).documents.remove(name);
    }

    fn keep_history(&self, is_forgetful: bool) {
        if is_forgetful {
            let (mut before, now) = (self.before.lock(), Instant::now());
            while before
                .pop_front_if(|(at, _)| now.duration_since(*at) >= FORGOTTEN)
                .is_some()
            {}
            before.push_back((now, self.now.lock().clone()));
        }
    }

    fn fault(&self, what: String) {
        self.faults.lock().push(what);
    }

    fn put(&self, write: &DocumentWrite) -> ItemVerdict {
        let body = write.body.as_ref().map_or("", |body| body.get());
        self.check_decided(write);
        if body.contains(POISON) {
            return ItemVerdict::permanent("poison", "the body holds poison");
        }
        let mut now = self.now.lock();
        let now = Arc::make_mut(&mut now);
        let name = document_name(&write.key);
        match now.documents.get(&name) {
            Some(stands) if stands.meta.version > write.meta.version => ItemVerdict::Done,
            Some(stands)
                if stands.meta.version == write.meta.version
                    && stands.meta.request != write.meta.request =>
            {
                ItemVerdict::Alarm("another request stands at this version".into())
            }
            Some(_) | None if write.purged => now.purge(name, write.meta.version),
            stands => {
                if stands.is_none() {
                    self.check_late(now, &name, write.meta.version);
                }
                let stored = StoredDocument {
                    meta: write.meta,
                    body: write.body.clone(),
                };
                now.documents.insert(name, stored);
                ItemVerdict::Done
            }
        }
    }

    /// A store is only touched by what `changes` holds, or had acknowledged before it lost it.
    fn check_decided(&self, write: &DocumentWrite) {
        let (version, position) = (write.meta.version, write.meta.position);
        let offset = version.offset().get();
        let records = self.log.ever_at(&self.changes, position.partition, offset);
        let mut decided = records.into_iter().filter_map(decided_position);
        if !decided.any(|decided| decided == position) {
            self.fault(format!(
                "{} was written at version {version}, which `changes` does not hold for {position}",
                write.key.id
            ));
        }
    }

    fn remember(&self, entry: &LedgerEntry, may_change: bool) -> ItemVerdict {
        let mut now = self.now.lock();
        let now = Arc::make_mut(&mut now);
        let known = now.ledger.get(&entry.request.unique());
        if let Some(known) = known
            && known.version >= entry.version
        {
            return ItemVerdict::Done;
        }
        let is_final =
            |verdict: &Verdict| !matches!(verdict, Verdict::Parked(_) | Verdict::DeadLettered(_));
        if let Some(known) = known
            && known.verdict != entry.verdict
            && is_final(&known.verdict)
            && !may_change
        {
            self.fault(format!(
                "{} was remembered as {:?} at {} and is now {:?} at {}",
                entry.request, known.verdict, known.version, entry.verdict, entry.version
            ));
        }
        // A replay that failed is told as what it was about, which has the letter.
        let is_event = !held::is_intent(&entry.operation);
        if matches!(entry.verdict, Verdict::DeadLettered(_)) && is_event {
            let dead = (entry.request.to_string(), entry.version);
            self.dead.lock().insert(dead);
        }
        now.ledger.insert(entry.request.unique(), entry.clone());
        ItemVerdict::Done
    }

    /// The store as a process of its own sees it.
    #[must_use]
    pub fn of(self: &Arc<Self>, process: &ModelProcess, faults: &Faults) -> Arc<dyn Record> {
        Arc::new(ProcessRecord {
            store: self.clone(),
            process: process.clone(),
            faults: faults.clone(),
            is_forgetful: faults.kinds().contains(&FaultKind::Forgetful),
        })
    }
}

/// The position that a record of `changes` is about.
fn decided_position(record: event_log::Record) -> Option<Position> {
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    match codec::decode_change(&parts).ok()? {
        Change::Decision(decision) => Some(decision.position),
        Change::Void(void) => Some(void.position),
        Change::Open(_) | Change::Mark(_) => None,
    }
}

struct ProcessRecord {
    store: Arc<ModelRecord>,
    process: ModelProcess,
    faults: Faults,
    is_forgetful: bool,
}

impl ProcessRecord {
    async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&StoreContents) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, faults) = (self.store.clone(), self.faults.clone());
        let answer = self
            .process
            .call(move || (!faults.is_record_away()).then(|| act(&store.now.lock())));
        answer.await.ok_or_else(away)
    }

    async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut StoreContents) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, faults) = (self.store.clone(), self.faults.clone());
        let is_forgetful = self.is_forgetful;
        let answer = self.process.call(move || {
            (!faults.is_record_away()).then(|| {
                store.keep_history(is_forgetful);
                act(Arc::make_mut(&mut store.now.lock()))
            })
        });
        answer.await.ok_or_else(away)
    }

    /// One verdict for each, as a server gives them that may be away or slow in the middle.
    async fn each<T: Clone + Send + Sync + 'static>(
        &self,
        items: &[T],
        act: impl Fn(&ModelRecord, &T) -> ItemVerdict + Send + 'static,
    ) -> Vec<ItemVerdict> {
        let (store, faults) = (self.store.clone(), self.faults.clone());
        let (items, is_forgetful) = (items.to_vec(), self.is_forgetful);
        let answer = self.process.call(move || {
            if faults.is_record_away() {
                return vec![ItemVerdict::Transient("away".into()); items.len()];
            }
            store.keep_history(is_forgetful);
            let verdict = |item: &T| {
                if faults.strikes(FaultKind::HalfAnswers, 20) {
                    return ItemVerdict::Transient("timed out before it was done".into());
                }
                let verdict = act(&store, item);
                if faults.strikes(FaultKind::HalfAnswers, 20) {
                    return ItemVerdict::Transient("timed out when it was done".into());
                }
                verdict
            };
            items.iter().map(verdict).collect()
        });
        answer.await
    }
}

fn away() -> StoreError {
    StoreError::Unavailable {
        store: NAME,
        why: "away".into(),
    }
}

fn refused(why: &str) -> StoreError {
    StoreError::Refused {
        store: NAME,
        why: why.into(),
    }
}

#[async_trait::async_trait]
impl Record for ProcessRecord {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let ids: Vec<String> = keys.iter().map(document_name).collect();
        self.ask(move |now| {
            ids.iter()
                .map(|id| now.documents.get(id).cloned())
                .collect()
        })
        .await
    }

    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        let keys = keys.to_vec();
        self.ask(move |now| keys.iter().map(|key| now.rows.get(key)).collect())
            .await
    }

    async fn scan_rows(&self, scan: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        let scan = scan.clone();
        self.ask(move |now| now.rows.scan(&scan)).await
    }

    async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict> {
        self.each(writes, |store, write| match write {
            Write::Document(write) => store.put(write),
            Write::Row(write) => Arc::make_mut(&mut store.now.lock()).rows.put(write),
        })
        .await
    }

    async fn remember(&self, entries: &[LedgerEntry]) -> Vec<ItemVerdict> {
        let may_change = self.is_forgetful;
        self.each(entries, move |store, entry| {
            store.remember(entry, may_change)
        })
        .await
    }

    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        let ids: Vec<[u8; 16]> = requests.iter().map(RequestId::unique).collect();
        self.ask(move |now| ids.iter().map(|id| now.ledger.get(id).cloned()).collect())
            .await
    }

    async fn claim(&self, claim: &Claim, request: &RequestId) -> Result<ClaimOutcome, StoreError> {
        let (key, request) = (claim.key.clone(), *request);
        self.change(move |now| match now.claims.get(&key) {
            Some(other) if other.unique() != request.unique() => ClaimOutcome::Theirs(*other),
            Some(_) => ClaimOutcome::Ours,
            None => {
                now.claims.insert(key, request);
                ClaimOutcome::Ours
            }
        })
        .await
    }

    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        let mark = mark.clone();
        self.change(move |now| {
            let place = (mark.generation, mark.partition);
            let is_newer = now
                .marks
                .get(&place)
                .is_none_or(|old| old.through <= mark.through);
            if is_newer {
                now.marks.insert(place, mark);
            }
        })
        .await
    }

    async fn mark(&self, generation: u16, partition: u16) -> Result<Option<Mark>, StoreError> {
        self.ask(move |now| now.marks.get(&(generation, partition)).cloned())
            .await
    }

    async fn create_collection(&self, _collection: &Collection) -> Result<Collection, StoreError> {
        Err(refused("the collection is there"))
    }

    async fn collection(
        &self,
        index: &str,
        collection: &str,
    ) -> Result<Option<Collection>, StoreError> {
        let is_it = |of: &&Collection| of.index == index && of.collection == collection;
        let found = self.store.collections.iter().find(is_it).cloned();
        self.ask(move |_| found).await
    }

    async fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        Ok(self.store.collections.clone())
    }

    async fn indices(&self) -> Result<Vec<String>, StoreError> {
        let all = self.store.collections.iter();
        Ok(all.map(|collection| collection.index.clone()).collect())
    }

    async fn replace_collection(
        &self,
        _collection: &Collection,
        _was: &Collection,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn drop_collection(
        &self,
        _index: &str,
        _collection: &str,
        _incarnation: &str,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn scan(
        &self,
        _index: &str,
        collection: &str,
        _incarnation: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (collection, after) = (format!("{collection}/"), after.map(str::to_owned));
        self.ask(move |now| {
            let standing = now.documents.iter().filter(|(_, one)| one.body.is_some());
            let ids = standing.filter_map(|(name, _)| name.strip_prefix(&collection));
            let behind = ids.filter(|id| after.as_deref().is_none_or(|after| *id > after));
            behind.take(limit).map(str::to_owned).collect()
        })
        .await
    }

    async fn migrate(&self, _tables: &[Table]) -> Result<MigrationReport, StoreError> {
        Err(refused("there are no tables"))
    }

    async fn keep_text(&self, _key: &str, _text: &str, _until: i64) -> Result<(), StoreError> {
        Err(refused("no history searches"))
    }

    async fn kept_text(&self, _key: &str) -> Result<Option<String>, StoreError> {
        Err(refused("no history searches"))
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.ask(|_| ()).await
    }

    async fn may_forget(&self) -> Result<Option<Duration>, StoreError> {
        Ok(self.is_forgetful.then_some(FORGOTTEN))
    }

    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        Ok(Vec::new())
    }
}
