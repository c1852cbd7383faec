//! The rows of the record store that a history has: those of what is held. Newer versions win, as in
//! the real stores, and what is removed stays removed for late older writes.

use event_schema::{
    held::{self, HeldEvent, KeyLock},
    id::EntityKey,
    mutation::{RowAction, RowKey},
    position::Version,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use store::{
    ItemVerdict, RowWrite,
    document::{RowScan, StoredRow},
};

/// By table and the values of the key, which sort as scans go.
#[derive(Clone, Debug, Default)]
pub struct ModelRows(BTreeMap<(String, Vec<String>), Arc<ModelRow>>);

/// A key's queue, and what is in it.
#[derive(Clone, Debug)]
pub struct ModelQueue {
    pub key: EntityKey,
    pub lock: KeyLock,
    pub held: Vec<(RowKey, HeldEvent)>,
}

#[derive(Debug)]
struct ModelRow {
    key: RowKey,
    version: Version,
    cells: Option<Map<String, Value>>,
}

fn name(key: &RowKey) -> (String, Vec<String>) {
    let text = |column: &str| key.key.get(column).map(Value::to_string);
    let values = match key.table.as_str() {
        held::HELD => [text("key"), text("place")],
        held::LOCKS => [text("bucket"), text("key")],
        other => panic!("no table {other} is written"),
    };
    (key.table.clone(), values.into_iter().flatten().collect())
}

impl ModelRows {
    pub fn put(&mut self, write: &RowWrite) -> ItemVerdict {
        let mutation = &write.mutation;
        let stands = self.0.get(&name(&mutation.key));
        if stands.is_some_and(|stands| stands.version >= write.version) {
            return ItemVerdict::Done;
        }
        let cells = match mutation.action {
            RowAction::Put => Some(mutation.cells.clone()),
            RowAction::Remove => None,
            RowAction::Merge => return ItemVerdict::Alarm("no row here is merged".into()),
        };
        let row = ModelRow {
            key: mutation.key.clone(),
            version: write.version,
            cells,
        };
        self.0.insert(name(&mutation.key), Arc::new(row));
        ItemVerdict::Done
    }

    #[must_use]
    pub fn get(&self, key: &RowKey) -> Option<StoredRow> {
        let cells = self.0.get(&name(key))?.cells.clone()?;
        Some(StoredRow {
            cells,
            expires: None,
        })
    }

    #[must_use]
    pub fn scan(&self, scan: &RowScan) -> Vec<(RowKey, StoredRow)> {
        let is_in = |row: &&Arc<ModelRow>| {
            let in_partition = scan
                .partition
                .iter()
                .all(|(column, value)| row.key.key.get(column) == Some(value));
            row.key.table == scan.table && in_partition
        };
        let is_behind = |row: &&Arc<ModelRow>| {
            let last = row.key.key.values().next_back().and_then(Value::as_str);
            scan.after.as_deref().is_none_or(|after| last > Some(after))
        };
        let from = (scan.table.clone(), Vec::new());
        let rows = self.0.range(from..).map(|(_, row)| row);
        let rows = rows
            .take_while(|row| row.key.table == scan.table)
            .filter(is_in)
            .filter(is_behind);
        let standing = rows.filter_map(|row| {
            let cells = row.cells.clone()?;
            let stored = StoredRow {
                cells,
                expires: None,
            };
            Some((row.key.clone(), stored))
        });
        standing.take(scan.limit).collect()
    }

    /// All queues, with what is in each.
    #[must_use]
    pub fn queues(&self) -> Vec<ModelQueue> {
        let rows = || self.0.values();
        let locks = rows().filter(|row| row.key.table == held::LOCKS);
        let locks = locks.filter_map(|row| held::read_lock(&row.key, row.cells.as_ref()?).ok());
        locks
            .map(|(key, lock)| {
                let of = |row: &&Arc<ModelRow>| {
                    row.key.table == held::HELD && row.key.key["key"] == key.0.as_str()
                };
                let held = rows().filter(of).filter_map(|row| {
                    let held = held::read_held(row.cells.as_ref()?).ok()?;
                    Some((row.key.clone(), held))
                });
                let held = held.collect();
                ModelQueue { key, lock, held }
            })
            .collect()
    }

    /// Is nothing held any more, with a lock or without?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|row| row.cells.is_none())
    }
}
