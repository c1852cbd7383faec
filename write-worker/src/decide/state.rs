//! What the planner sees: documents and rows as the stores hold them, with everything decided since
//! on top.
//!
//! The worker is the only writer of its keys, so what it read or decided stays true while it owns
//! the partition. Entries that a store may not hold yet are never evicted; the rest is bounded by
//! the memory that it takes.

use catalog::{Current, CurrentDocument};
use change_feed::is_held_row;
use event_schema::{
    decision::Decision,
    mutation::{DocumentKey, RowAction, RowKey, RowMutation},
    signing::Keyring,
    to_raw,
};
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Bytes that a document takes beside its key's texts and its body, and a row beside its name and
/// its cells: their places in the maps, the name in the order of age, what the allocator rounds up.
const DOCUMENT: usize = 320;
const ROW: usize = 220;

pub(crate) struct State {
    documents: HashMap<Arc<DocumentKey>, Entry<CurrentDocument>>,
    rows: HashMap<Arc<str>, Entry<KnownRow>>,
    /// Keys in the order of their last write or read, with the batch of that time; stale ones are
    /// skipped.
    age: VecDeque<(Name, u64)>,
    bytes: usize,
    limit: usize,
    /// Unix milliseconds: what has gone by itself by now.
    now: i64,
    secret: Keyring,
}

/// A row as it stands; without cells there is none.
#[derive(Clone, Debug, Default)]
struct KnownRow {
    /// As JSON: a map of them takes five times as much, and to copy it takes as long as to read this.
    cells: Option<Box<str>>,
    /// Unix milliseconds at which it goes by itself, where that is known.
    expires: Option<i64>,
}

struct Entry<T> {
    value: T,
    batch: u64,
    size: usize,
    /// The last batch that decided on it; none, where it was only read.
    decided: Option<u64>,
}

impl<T> Entry<T> {
    fn read(value: T, batch: u64, size: usize) -> Self {
        Self {
            value,
            batch,
            size,
            decided: None,
        }
    }
}

enum Name {
    Document(Arc<DocumentKey>),
    Row(Arc<str>),
}

impl State {
    pub fn new(limit: usize, secret: Keyring) -> Self {
        Self {
            documents: HashMap::new(),
            rows: HashMap::new(),
            age: VecDeque::new(),
            bytes: 0,
            limit,
            now: 0,
            secret,
        }
    }

    pub fn has_document(&self, key: &DocumentKey) -> bool {
        self.documents.contains_key(key)
    }

    /// Do the stores hold all that was decided on this document? `applied`: the last batch that
    /// they hold.
    pub fn is_settled(&self, key: &DocumentKey, applied: u64) -> bool {
        let decided = self.documents.get(key).and_then(|entry| entry.decided);
        decided.is_none_or(|batch| batch <= applied)
    }

    pub fn has_row(&self, key: &RowKey) -> bool {
        self.rows.contains_key(key.to_string().as_str())
    }

    /// Memory that is taken.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn set_document(&mut self, key: &DocumentKey, value: CurrentDocument, batch: u64) {
        let texts = [&key.index, &key.collection, &key.incarnation, &key.id];
        let size = DOCUMENT
            + texts.map(String::len).iter().sum::<usize>()
            + value.body.as_ref().map_or(0, |body| body.get().len());
        let known = self.documents.get_key_value(key);
        let name = known.map_or_else(|| Arc::new(key.clone()), |(name, _)| name.clone());
        self.bytes += size;
        if let Some(old) = self
            .documents
            .insert(name.clone(), Entry::read(value, batch, size))
        {
            self.bytes -= old.size;
        }
        self.age.push_back((Name::Document(name), batch));
    }

    pub fn set_row(
        &mut self,
        key: &RowKey,
        cells: Option<Map<String, Value>>,
        expires: Option<i64>,
        batch: u64,
    ) {
        let cells: Option<Box<str>> = cells.map(|cells| to_raw(&cells).get().into());
        let name = key.to_string();
        let known = self.rows.get_key_value(name.as_str());
        let name = known.map_or_else(|| Arc::from(&*name), |(name, _)| name.clone());
        let size = ROW + name.len() + cells.as_deref().map_or(0, str::len);
        let value = KnownRow { cells, expires };
        self.bytes += size;
        if let Some(old) = self
            .rows
            .insert(name.clone(), Entry::read(value, batch, size))
        {
            self.bytes -= old.size;
        }
        self.age.push_back((Name::Row(name), batch));
    }

    /// Puts a decision's effects on top.
    pub fn decide(&mut self, decision: &Decision, batch: u64) {
        for change in &decision.documents {
            // Of what is purged a store says nothing, not even how often it was changed.
            let revision = if change.purged { 0 } else { change.revision };
            let body = change.after.clone();
            self.set_document(&change.key, CurrentDocument { revision, body }, batch);
            if let Some(entry) = self.documents.get_mut(&change.key) {
                entry.decided = Some(batch);
            }
        }
        // What is held is no plan's to see.
        for row in decision.rows.iter().filter(|row| !is_held_row(row)) {
            let before = match row.action {
                RowAction::Merge => self.row(&row.key),
                RowAction::Put | RowAction::Remove => None,
            };
            let value = row_after(row, before);
            self.set_row(&row.key, value, row.expires, batch);
        }
    }

    /// A batch is planned at this time (Unix milliseconds); batches up to `applied` are in the stores.
    pub fn begin_batch(&mut self, applied: u64, now: i64) {
        self.now = now;
        self.evict(applied);
    }

    /// Forgets the oldest entries above the limit, none of a batch after `applied`.
    pub fn evict(&mut self, applied: u64) {
        self.forget_stale_names();
        while self.bytes > self.limit {
            let Some((_, batch)) = self.age.front() else {
                return;
            };
            if *batch > applied {
                return;
            }
            let Some((name, batch)) = self.age.pop_front() else {
                return;
            };
            match name {
                Name::Document(key)
                    if self
                        .documents
                        .get(&key)
                        .is_some_and(|entry| entry.batch == batch) =>
                {
                    self.bytes -= self.documents.remove(&key).map_or(0, |entry| entry.size);
                }
                Name::Row(key)
                    if self
                        .rows
                        .get(&key)
                        .is_some_and(|entry| entry.batch == batch) =>
                {
                    self.bytes -= self.rows.remove(&key).map_or(0, |entry| entry.size);
                }
                Name::Document(_) | Name::Row(_) => {}
            }
        }
    }

    /// A key that is written again and again leaves a name behind each time: there may never be
    /// many more names than keys.
    fn forget_stale_names(&mut self) {
        if self.age.len() <= 2 * (self.documents.len() + self.rows.len()) + 64 {
            return;
        }
        let (documents, rows) = (&self.documents, &self.rows);
        self.age.retain(|(name, batch)| match name {
            Name::Document(key) => documents
                .get(key)
                .is_some_and(|entry| entry.batch == *batch),
            Name::Row(key) => rows.get(key).is_some_and(|entry| entry.batch == *batch),
        });
        self.age.shrink_to(2 * self.age.len() + 64);
    }
}

/// A row after a mutation.
fn row_after(
    mutation: &RowMutation,
    before: Option<Map<String, Value>>,
) -> Option<Map<String, Value>> {
    let mut row = match mutation.action {
        RowAction::Remove => return None,
        RowAction::Put => Map::new(),
        RowAction::Merge => before.unwrap_or_default(),
    };
    for (column, value) in &mutation.cells {
        match value {
            Value::Null => row.remove(column),
            value => row.insert(column.clone(), value.clone()),
        };
    }
    Some(row)
}

impl Current for State {
    fn secret(&self) -> Option<&Keyring> {
        Some(&self.secret)
    }

    fn knows_document(&self, key: &DocumentKey) -> bool {
        self.has_document(key)
    }

    fn knows_row(&self, key: &RowKey) -> bool {
        self.has_row(key)
    }

    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        let entry = self.documents.get(key);
        entry.map(|entry| entry.value.clone()).unwrap_or_default()
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        let cells = self.known_row(key)?.cells.as_deref()?;
        Some(serde_json::from_str(cells).expect("a map was written there"))
    }

    fn row_expires(&self, key: &RowKey) -> Option<i64> {
        self.known_row(key)?.expires
    }
}

impl State {
    /// A row that has not gone by itself.
    fn known_row(&self, key: &RowKey) -> Option<&KnownRow> {
        let row = &self.rows.get(key.to_string().as_str())?.value;
        row.expires
            .is_none_or(|expires| expires > self.now)
            .then_some(row)
    }
}

#[cfg(test)]
mod tests;
