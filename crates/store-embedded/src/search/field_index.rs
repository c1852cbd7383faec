//! Indexes of the fields that searches ask about, in memory: which documents hold which values. One
//! is made by the first search that wants its field, from a scan of the collection, and follows
//! every write from then on. A search that finds none, or one that cannot tell, reads all documents
//! as it would without.
//!
//! Nothing of them is on the disk: a start makes none, a crash loses none, and none lags behind,
//! since a writer commits and changes them under one lock, under which a search takes its snapshot
//! and looks into them. They must never take more memory than they may, and never hold a lock while
//! documents are read.
//!
//! See ADR 40.

mod build;
mod collection;
mod column;
mod curve;
mod dictionary;
mod held;
mod ordered;
mod set;

pub(crate) use collection::{CollectionIndex, IndexedChange, NumberedDocuments};
pub(crate) use column::{FieldColumn, GuessedKind};
pub(crate) use curve::{MapFrame, clamped_step, degrees_frame, key_point, stretches};
pub(crate) use dictionary::{TextDictionary, TextDocuments};
pub(crate) use held::NumberForm;
pub(crate) use ordered::{OrderedValues, is_odd, key_bound, key_number, number_key};
pub(crate) use set::DocumentSet;

use crate::classify::Failure;
use collection::ChangedValues;
use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// What indexes may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexLimits {
    /// Memory of all of them; none are made if it is 0.
    pub bytes: usize,
    /// Collections of fewer documents are read whole.
    pub least_documents: u64,
}

/// All indexes, by the numbers of collections' incarnations.
pub(crate) struct FieldIndexes {
    limits: IndexLimits,
    all: RwLock<HashMap<i64, CollectionIndex>>,
    /// How many collections have indexes, or are about to.
    watched: AtomicUsize,
    bytes: AtomicUsize,
    beat: AtomicU64,
    /// Held by a transaction from its first write to its end: one that began before an index was
    /// asked for has not written down all that it did.
    transaction: Mutex<()>,
    /// Documents that searches read.
    judged: AtomicU64,
    built: AtomicU64,
}

/// What a transaction changes, and what that means for the columns that there were.
struct ReadChanges {
    changes: Vec<(i64, IndexedChange)>,
    values: HashMap<i64, (u64, Vec<ChangedValues>)>,
}

impl FieldIndexes {
    pub fn new(limits: IndexLimits) -> Self {
        Self {
            limits,
            all: RwLock::default(),
            watched: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            beat: AtomicU64::new(0),
            transaction: Mutex::default(),
            judged: AtomicU64::new(0),
            built: AtomicU64::new(0),
        }
    }

    /// Under this lock a search takes its snapshot and looks into indexes.
    pub fn read(&self) -> RwLockReadGuard<'_, HashMap<i64, CollectionIndex>> {
        self.all.read()
    }

    /// Must writes to this collection be told?
    pub fn watches(&self, place: i64) -> bool {
        self.watched.load(Ordering::Acquire) > 0
            && self
                .all
                .read()
                .get(&place)
                .is_some_and(CollectionIndex::is_watching)
    }

    /// To be held while a transaction writes.
    pub fn begin(&self) -> MutexGuard<'_, ()> {
        self.transaction.lock()
    }

    /// Works out what the changes mean, while searches go on.
    fn read_changes(&self, changes: Vec<(i64, IndexedChange)>) -> ReadChanges {
        let all = self.all.read();
        let mut values: HashMap<i64, (u64, Vec<ChangedValues>)> = HashMap::new();
        for (place, change) in &changes {
            let Some(index) = all.get(place) else {
                continue;
            };
            let known = values
                .entry(*place)
                .or_insert_with(|| (index.stage, Vec::new()));
            match index.read_change(change) {
                Ok(read) => known.1.push(read),
                // It is made again by whoever finds that it is not there.
                Err(_) => known.0 = u64::MAX,
            }
        }
        ReadChanges { changes, values }
    }

    /// Commits and changes the indexes, so that no search sees the one without the other.
    pub fn commit(
        &self,
        changes: Vec<(i64, IndexedChange)>,
        commit: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if changes.is_empty() {
            return commit();
        }
        let read = self.read_changes(changes);
        let mut all = self.all.write();
        commit()?;
        let ReadChanges { changes, values } = read;
        let mut values: HashMap<i64, _> = values
            .into_iter()
            .map(|(place, (stage, values))| (place, (stage, values.into_iter())))
            .collect();
        for (place, change) in &changes {
            let Some(index) = all.get_mut(place) else {
                continue;
            };
            let known = values
                .get_mut(place)
                .filter(|(stage, _)| *stage == index.stage);
            let known = known.and_then(|(_, values)| values.next());
            match known.map_or_else(|| index.read_change(change), Ok) {
                Ok(values) => index.apply(change, &values),
                Err(_) => index.clear(),
            }
        }
        self.bound(&mut all);
        Ok(())
    }

    /// A collection is gone, or changed in a way that is not followed.
    pub fn drop_collection(&self, place: i64) {
        let mut all = self.all.write();
        if let Some(index) = all.get_mut(&place) {
            index.clear();
            if index.pending.is_none() {
                all.remove(&place);
            }
        }
        self.watched.store(all.len(), Ordering::Release);
        self.bound(&mut all);
    }

    /// Drops what was used longest ago, until the rest is no more than it may be.
    fn bound(&self, all: &mut HashMap<i64, CollectionIndex>) {
        loop {
            let bytes = all.values().map(CollectionIndex::bytes).sum();
            self.bytes.store(bytes, Ordering::Relaxed);
            if bytes <= self.limits.bytes {
                return;
            }
            let columns = all.iter().flat_map(|(place, index)| {
                let columns = index.columns.iter().enumerate();
                columns.map(|(n, column)| (column.last_used(), *place, n))
            });
            match columns.min() {
                Some((_, place, n)) => {
                    if let Some(index) = all.get_mut(&place) {
                        index.columns.remove(n);
                        index.stage += 1;
                    }
                }
                None => {
                    // Not even the numbers have room.
                    for index in all.values_mut() {
                        index.clear();
                        index.is_refused = true;
                    }
                }
            }
        }
    }

    /// A beat of the clock by which it is told what was used last.
    pub fn next_beat(&self) -> u64 {
        self.beat.fetch_add(1, Ordering::Relaxed)
    }

    pub fn count_judged(&self, documents: u64) {
        self.judged.fetch_add(documents, Ordering::Relaxed);
    }

    pub fn figures(&self) -> IndexFigures {
        IndexFigures {
            bytes: self.bytes.load(Ordering::Relaxed) as u64,
            built: self.built.load(Ordering::Relaxed),
            judged: self.judged.load(Ordering::Relaxed),
        }
    }
}

/// Figures of the indexes of searched fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexFigures {
    /// Memory that they take, about.
    pub bytes: u64,
    /// How many were made.
    pub built: u64,
    /// How many documents searches have read, indexed or not.
    pub judged: u64,
}
