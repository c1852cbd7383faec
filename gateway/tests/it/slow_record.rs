//! A record store in front of the real one whose look-ups of collections and reads of rows take as
//! long as a test says, or panic, whose scans may wait for turns, that may be away or say nothing when
//! it is asked how it is, and which counts how often documents and rows are read.

use event_schema::{
    decision::Mark,
    envelope::Claim,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{
    ClaimOutcome, Collection, ItemVerdict, Record, StoreError, StoredDocument,
    document::{RowScan, StoredRow, Write},
    schema::{MigrationReport, Table, Weakness},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What becomes of the next look-ups, one each; then they are as quick as the store.
#[derive(Debug, Default)]
pub struct LookUps {
    next: Mutex<VecDeque<LookUp>>,
    silent: AtomicBool,
    turns: Mutex<Option<Arc<Semaphore>>>,
    scan_turns: Mutex<Option<Arc<Semaphore>>>,
    waiting: AtomicUsize,
    reads: AtomicUsize,
    away: AtomicBool,
    /// Milliseconds that it takes to read rows.
    rows_take: AtomicU64,
    /// Reads of rows whose keys hold this text panic, after so many that do not.
    panics_on: Mutex<Option<(String, usize)>>,
    rows_together: AtomicUsize,
    most_rows_together: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
pub enum LookUp {
    Takes(Duration),
    Panics,
}

impl LookUps {
    pub fn next(&self, look_ups: impl IntoIterator<Item = LookUp>) {
        self.next.lock().extend(look_ups);
    }

    /// Nothing is said of how it is as long as this is so.
    pub fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// As long as this is so, nothing can be read.
    pub fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn reach(&self) -> Result<(), StoreError> {
        if !self.away.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(StoreError::Unavailable {
            store: "record",
            why: "it is away on purpose".to_owned(),
        })
    }

    /// From now on a look-up waits for its turn.
    pub fn take_turns(&self, turns: Arc<Semaphore>) {
        *self.turns.lock() = Some(turns);
    }

    /// From now on a scan of a collection waits for its turn.
    pub fn scan_in_turns(&self, turns: Arc<Semaphore>) {
        *self.scan_turns.lock() = Some(turns);
    }

    /// How many look-ups and scans have waited for a turn, or do.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    async fn turn(&self, turns: Option<Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
        let turns = turns?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        turns.acquire_owned().await.ok()
    }

    /// From now on a read of a row whose key holds this text panics, but for the first so many.
    pub fn panic_on(&self, text: &str, but: usize) {
        *self.panics_on.lock() = Some((text.to_owned(), but));
    }

    fn panic_if_so(&self, keys: &[RowKey]) {
        let mut panics_on = self.panics_on.lock();
        let Some((text, left)) = &mut *panics_on else {
            return;
        };
        if keys.iter().any(|key| key.to_string().contains(&*text)) {
            assert!(*left > 0, "it panics on purpose");
            *left -= 1;
        }
    }

    /// From now on it takes this long to read rows, and four times as long where no others are read.
    pub fn read_rows_in(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap();
        self.rows_take.store(time, Ordering::SeqCst);
    }

    /// How many calls for rows went on at the same time, at most, since they take their time.
    pub fn most_rows_together(&self) -> usize {
        self.most_rows_together.load(Ordering::SeqCst)
    }

    async fn take_time_for_rows(&self) {
        let time = self.rows_take.load(Ordering::SeqCst);
        if time > 0 {
            let together = self.rows_together.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_rows_together
                .fetch_max(together, Ordering::SeqCst);
            let time = if together == 1 { 4 * time } else { time };
            tokio::time::sleep(Duration::from_millis(time)).await;
            self.rows_together.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// How often documents and rows were read.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

pub struct SlowRecord(pub Arc<dyn Record>, pub Arc<LookUps>);

#[async_trait::async_trait]
impl Record for SlowRecord {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        self.1.reach()?;
        self.1.reads.fetch_add(1, Ordering::SeqCst);
        self.0.documents(keys).await
    }
    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        self.1.reach()?;
        self.1.reads.fetch_add(1, Ordering::SeqCst);
        self.1.panic_if_so(keys);
        self.1.take_time_for_rows().await;
        self.0.rows(keys).await
    }
    async fn scan_rows(&self, scan: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        self.0.scan_rows(scan).await
    }
    async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict> {
        self.0.apply(writes).await
    }
    async fn remember(&self, entries: &[LedgerEntry]) -> Vec<ItemVerdict> {
        self.0.remember(entries).await
    }
    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        self.1.reach()?;
        self.0.ledger(requests).await
    }
    async fn claim(&self, claim: &Claim, request: &RequestId) -> Result<ClaimOutcome, StoreError> {
        self.0.claim(claim, request).await
    }
    async fn keep_text(&self, name: &str, text: &str, until: i64) -> Result<(), StoreError> {
        self.0.keep_text(name, text, until).await
    }
    async fn kept_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.1.reach()?;
        self.0.kept_text(name).await
    }
    async fn held_values(&self, names: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        self.1.reach()?;
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
        self.1.reach()?;
        self.0.swap_value(name, was, new).await
    }
    async fn purge_replaced_values(&self) -> Result<Vec<String>, StoreError> {
        self.0.purge_replaced_values().await
    }
    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        self.0.set_mark(mark).await
    }
    async fn mark(&self, generation: u16, partition: u16) -> Result<Option<Mark>, StoreError> {
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
        self.1.reach()?;
        let turns = self.1.turns.lock().clone();
        let _turn = self.1.turn(turns).await;
        let next = self.1.next.lock().pop_front();
        match next {
            Some(LookUp::Takes(time)) => tokio::time::sleep(time).await,
            Some(LookUp::Panics) => panic!("a look-up that panics on purpose"),
            None => {}
        }
        self.0.collection(index, collection).await
    }
    async fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        self.1.reach()?;
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
        let turns = self.1.scan_turns.lock().clone();
        let _turn = self.1.turn(turns).await;
        self.0
            .scan(index, collection, incarnation, after, limit)
            .await
    }
    async fn migrate(&self, tables: &[Table]) -> Result<MigrationReport, StoreError> {
        self.0.migrate(tables).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.1.reach()?;
        if self.1.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.0.ready().await
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        self.0.weaknesses().await
    }
}
