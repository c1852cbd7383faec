//! Documents and rows as they stood at a moment of the past: as the first change since says that they
//! were before it, else as they are now.

use super::recorded::StateBefore;
use catalog::{Current, CurrentDocument};
use event_schema::{
    mutation::{DocumentChange, DocumentKey, RowAction, RowKey, RowMutation},
    signing::Keyring,
};
use serde_json::{Map, Value};
use std::collections::HashMap;
use store::{StoredDocument, document::StoredRow};

pub(super) struct RecordedState {
    documents: HashMap<String, CurrentDocument>,
    rows: HashMap<String, Option<Map<String, Value>>>,
    keys: Keyring,
}

impl RecordedState {
    pub fn new(before: StateBefore, keys: &Keyring) -> Self {
        let document = |change: DocumentChange| CurrentDocument {
            revision: change.revision_before,
            body: change.before,
        };
        let documents = before.documents.into_iter();
        let rows = before.rows.into_iter();
        Self {
            documents: documents
                .map(|(name, change)| (name, document(change)))
                .collect(),
            rows: rows.map(|(name, row)| (name, row.before)).collect(),
            keys: keys.clone(),
        }
    }

    /// What a decision left.
    pub fn apply(&mut self, documents: Vec<DocumentChange>, rows: Vec<RowMutation>) {
        for change in documents {
            let current = CurrentDocument {
                revision: change.revision,
                body: change.after,
            };
            self.documents.insert(change.key.to_string(), current);
        }
        for row in rows {
            let cells = match row.action {
                RowAction::Remove => None,
                RowAction::Put => Some(row.cells),
                RowAction::Merge => {
                    let mut cells = row.before.unwrap_or_default();
                    cells.extend(row.cells);
                    Some(cells)
                }
            };
            let cells = cells.map(|mut cells| {
                cells.retain(|_, cell| !cell.is_null());
                cells
            });
            self.rows.insert(row.key.to_string(), cells);
        }
    }

    pub fn add_documents(&mut self, keys: &[DocumentKey], found: Vec<Option<StoredDocument>>) {
        for (key, stored) in keys.iter().zip(found) {
            let current = match stored {
                Some(stored) => CurrentDocument {
                    revision: stored.meta.revision,
                    body: stored.body,
                },
                None => CurrentDocument::default(),
            };
            self.documents.entry(key.to_string()).or_insert(current);
        }
    }

    pub fn add_rows(&mut self, keys: &[RowKey], found: Vec<Option<StoredRow>>) {
        for (key, stored) in keys.iter().zip(found) {
            let cells = stored.map(|row| row.cells);
            self.rows.entry(key.to_string()).or_insert(cells);
        }
    }
}

impl Current for RecordedState {
    fn knows_document(&self, key: &DocumentKey) -> bool {
        self.documents.contains_key(&key.to_string())
    }

    fn knows_row(&self, key: &RowKey) -> bool {
        self.rows.contains_key(&key.to_string())
    }

    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        self.documents
            .get(&key.to_string())
            .cloned()
            .unwrap_or_default()
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        self.rows.get(&key.to_string()).cloned().flatten()
    }

    fn secret(&self) -> Option<&Keyring> {
        Some(&self.keys)
    }
}
