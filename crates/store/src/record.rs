//! The record port: the truth by id. Documents of every collection, the operations' own tables, the
//! ledger, marks, claims, collections.

use crate::{
    collection::Collection,
    document::{MarkerPage, RowScan, StoredDocument, StoredRow, Write},
    error::{ItemVerdict, StoreError},
    schema::{MigrationReport, Table, Weakness},
};
use event_schema::{
    decision::Mark,
    envelope::Claim,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use std::time::Duration;

/// How long a claim is kept at least, milliseconds, from when it is taken: the event may have waited
/// longer for its worker than the client's key was to hold.
pub const CLAIM_KEPT_MS: i64 = 86_400_000;

/// Whose an idempotency key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// This request's, from now on or already.
    Ours,
    /// Another request holds it.
    Theirs(RequestId),
}

/// What became of a conditional put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    Done,
    /// Something else stands there, or nothing; nothing was changed.
    Stands(Option<String>),
}

fn no_unique_values(store: &'static str) -> StoreError {
    StoreError::Refused {
        store,
        why: "it keeps no unique values".into(),
    }
}

/// Collection after collection, in the order of their names.
async fn scan_by_collection<R: Record + ?Sized>(
    record: &R,
    after: Option<&DocumentKey>,
    limit: usize,
) -> Result<Vec<DocumentKey>, StoreError> {
    let mut collections = record.collections().await?;
    let name = |one: &Collection| {
        [&one.index, &one.collection, &one.incarnation].map(|text| text.to_owned())
    };
    collections.sort_by_key(name);
    let last = after.map(|key| [&key.index, &key.collection, &key.incarnation].map(Clone::clone));
    for collection in collections {
        let [index, name, incarnation] = name(&collection);
        let here = [index.clone(), name.clone(), incarnation.clone()];
        let after = match (&last, after) {
            (Some(last), _) if here < *last => continue,
            (Some(last), Some(key)) if here == *last => Some(key.id.as_str()),
            (_, _) => None,
        };
        let ids = record.scan(&index, &name, &incarnation, after, limit);
        let ids = ids.await?;
        if ids.is_empty() {
            continue;
        }
        let key = |id| DocumentKey {
            index: index.clone(),
            collection: name.clone(),
            incarnation: incarnation.clone(),
            id,
        };
        return Ok(ids.into_iter().map(key).collect());
    }
    Ok(Vec::new())
}

/// Everything by id. All calls take and return batches in the order given; none panics on an empty
/// batch.
#[async_trait::async_trait]
pub trait Record: Send + Sync {
    /// `cassandra`, `embedded`: for messages, metrics and `stores` of a request.
    fn name(&self) -> &'static str;

    /// Current state, markers included (`body: None`), one answer per key in order. Sees every
    /// write that was answered `Done`.
    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError>;
    /// Whole rows without their key columns, one answer per key in order. Absent cells and nulls
    /// are left out.
    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError>;

    /// Rows of one partition of a table with all their key columns, in the order of the last of
    /// these where that is plain letters, digits and `/`; otherwise in an order that a scan goes on
    /// in. Sees every write that was answered `Done`.
    async fn scan_rows(&self, scan: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError>;

    /// Applies each write where no newer version stands; exactly one verdict per write, in order.
    /// Repeating a write changes nothing. At most one write per document; rows may appear several
    /// times with rising steps. Never all-or-nothing: verdicts tell.
    async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict>;

    /// Remembers verdicts; an entry of a newer version replaces an older one, never the reverse.
    /// One verdict per entry, in order.
    async fn remember(&self, entries: &[LedgerEntry]) -> Vec<ItemVerdict>;
    /// All of a batch at once, where a store can do that for less than [`apply`](Self::apply) and
    /// then [`remember`](Self::remember). True: every write is done and every entry remembered.
    /// False: whatever of it stands, nothing is remembered that is not there, and the two calls
    /// give the verdicts.
    async fn apply_whole(&self, writes: Vec<Write>, entries: &[&LedgerEntry]) -> bool {
        _ = (writes, entries);
        false
    }
    /// What is remembered, by `RequestId::unique`, one answer per id in order.
    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError>;

    /// Takes an idempotency key for a request, atomically among all workers: the first to take it
    /// has it until `claim.until`, and for [`CLAIM_KEPT_MS`] in any case, however late it is taken.
    async fn claim(&self, claim: &Claim, request: &RequestId) -> Result<ClaimOutcome, StoreError>;

    /// Keeps a text under a name until a time in Unix milliseconds; what was kept under the name is
    /// replaced. Every gateway of the deployment finds it. A name is kept by one caller at a time.
    async fn keep_text(&self, name: &str, text: &str, until: i64) -> Result<(), StoreError>;
    /// What is kept under a name, unless it has expired.
    async fn kept_text(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// What stands under these names of unique values, one answer per name in order: see
    /// [`crate::unique`].
    async fn held_values(&self, names: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        if names.is_empty() {
            Ok(Vec::new())
        } else {
            Err(no_unique_values(self.name()))
        }
    }
    /// Puts `new` under a name if what stands there is `was`, atomically among all workers.
    async fn swap_value(
        &self,
        name: &str,
        was: Option<&str>,
        new: &str,
    ) -> Result<Swapped, StoreError> {
        _ = (name, was, new);
        Err(no_unique_values(self.name()))
    }

    /// Leaves nothing in the store's files of texts that `swap_value` replaced before this call.
    /// Answers what an operator has to run on the servers for that; nothing: it is done.
    async fn purge_replaced_values(&self) -> Result<Vec<String>, StoreError> {
        Err(no_unique_values(self.name()))
    }

    /// The names under which such texts stand, each once, in an order of the store's own, behind
    /// `after`, at most `limit`; none: that was all.
    async fn value_names(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        _ = (after, limit);
        Err(no_unique_values(self.name()))
    }

    /// Keeps a partition's mark; an older mark (smaller `through` in the same generation) never
    /// replaces a newer one.
    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError>;
    async fn mark(&self, generation: u16, partition: u16) -> Result<Option<Mark>, StoreError>;

    /// Waits until a cut of the power cannot take what was answered before: the mark above all,
    /// before anything behind it is deleted from the log. A store that keeps what it answers, or
    /// whose marks point back as far as it may forget, has nothing to wait for.
    async fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Creates a collection unless it is there; answers the one that stands (its incarnation may be
    /// another's).
    async fn create_collection(&self, collection: &Collection) -> Result<Collection, StoreError>;
    async fn collection(
        &self,
        index: &str,
        collection: &str,
    ) -> Result<Option<Collection>, StoreError>;
    /// All of them; what only remembers an index is none.
    async fn collections(&self) -> Result<Vec<Collection>, StoreError>;
    /// The names of all indices, sorted: of those that have a collection, and those remembered by
    /// [`Collection::index_only`].
    async fn indices(&self) -> Result<Vec<String>, StoreError>;
    /// Puts `collection` in the place of `was` of the same name: its mappings may differ (the same
    /// incarnation), or it begins anew (another). False, and nothing is changed, if anything else
    /// than `was` stands there, or nothing; what stands already is put once more.
    async fn replace_collection(
        &self,
        collection: &Collection,
        was: &Collection,
    ) -> Result<bool, StoreError>;
    /// Forgets a collection, if this incarnation is the one that stands. Its documents are nobody's
    /// from then on.
    async fn drop_collection(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
    ) -> Result<bool, StoreError>;

    /// The document ids of a collection (no markers), in any order, from `after` on, at most
    /// `limit`: for counting and comparing.
    async fn scan(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Documents of all collections that stand (no markers), in any order, from behind `after` on,
    /// about `limit`; empty at the end.
    async fn scan_documents(
        &self,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<DocumentKey>, StoreError> {
        scan_by_collection(self, after, limit).await
    }
    /// Deletion markers of all collections, dropped ones too, in any order, from behind `after` on:
    /// at most `limit`, and no more than a bounded number of documents is looked at for one page, so
    /// a page may be empty and not the last.
    async fn scan_markers(
        &self,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<MarkerPage, StoreError> {
        _ = (after, limit);
        Err(StoreError::Refused {
            store: self.name(),
            why: "it does not list deletion markers".into(),
        })
    }
    /// How long the ledger remembers a request; `None`: for ever.
    fn ledger_kept(&self) -> Option<Duration> {
        None
    }

    /// Makes tables of our own and the given ones; repeatable, overwrites nothing, names drift.
    async fn migrate(&self, tables: &[Table]) -> Result<MigrationReport, StoreError>;
    /// Is it there and prepared?
    async fn ready(&self) -> Result<(), StoreError>;
    /// How far back acknowledged writes may be lost when servers of the store are killed; `None`:
    /// none ever is, or the store's marks are lost with them. What is that young is applied again
    /// when the store was away.
    async fn may_forget(&self) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }
    /// [`StoreError::Refused`] if a setting of the servers makes them refuse what a worker writes.
    async fn check_settings(&self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Settings that weaken promises.
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError>;
}
