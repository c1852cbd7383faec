//! What the plans of many dead letters look at first, read together: one call of the store for all
//! of their documents, one for all of their rows, and each collection once. It plans nothing.

use super::{PreviewCollections, PreviewStores, ReplayPreview, decode_event, preview_read};
use crate::{HeldLetter, ReplayError};
use catalog::Needs;
use event_schema::{decision::OriginalRecord, envelope::Transaction};
use std::{collections::hash_map::Entry, sync::Arc};
use store::{StoredDocument, document::StoredRow};

/// A dead letter with what is read for it.
pub struct ReadLetter {
    first: FirstRead,
    collections: Arc<PreviewCollections>,
}

/// An event, or why it cannot be decoded, and what stands of what its plan looks at first.
pub(super) struct FirstRead {
    pub event: Result<Transaction, String>,
    /// None: nothing is read ahead.
    pub needs: Option<Needs>,
    pub documents: Vec<Option<StoredDocument>>,
    pub rows: Vec<Option<StoredRow>>,
}

impl ReadLetter {
    /// All of them, each with its event, as it is held or as somebody edited it.
    ///
    /// # Errors
    /// If the record store cannot be read.
    pub async fn read_all(
        stores: PreviewStores<'_>,
        letters: &[(&HeldLetter, &OriginalRecord)],
    ) -> Result<Vec<Self>, ReplayError> {
        let letters = letters.iter().map(|(_, event)| {
            let event = decode_event(event);
            let needs = event
                .as_ref()
                .ok()
                .and_then(|event| first_needs(stores, event));
            FirstRead {
                event,
                needs,
                documents: Vec::new(),
                rows: Vec::new(),
            }
        });
        let mut letters: Vec<FirstRead> = letters.collect();
        let (mut documents, mut rows) = (Vec::new(), Vec::new());
        for needs in letters.iter().filter_map(|letter| letter.needs.as_ref()) {
            documents.extend_from_slice(&needs.documents);
            rows.extend_from_slice(&needs.rows);
        }
        let mut collections = PreviewCollections::new();
        for key in &documents {
            let name = [key.index.clone(), key.collection.clone()];
            if let Entry::Vacant(unknown) = collections.entry(name) {
                let found = stores.record.collection(&key.index, &key.collection);
                unknown.insert(found.await?);
            }
        }
        let mut documents = match documents.is_empty() {
            true => Vec::new(),
            false => stores.record.documents(&documents).await?,
        }
        .into_iter();
        let mut rows = match rows.is_empty() {
            true => Vec::new(),
            false => stores.record.rows(&rows).await?,
        }
        .into_iter();
        for letter in &mut letters {
            if let Some(needs) = &letter.needs {
                letter.documents = documents.by_ref().take(needs.documents.len()).collect();
                letter.rows = rows.by_ref().take(needs.rows.len()).collect();
            }
        }
        let collections = Arc::new(collections);
        let letters = letters.into_iter().map(|first| Self {
            first,
            collections: collections.clone(),
        });
        Ok(letters.collect())
    }

    /// What its replay would change.
    ///
    /// # Errors
    /// If the record store cannot be read.
    pub async fn preview(
        self,
        stores: PreviewStores<'_>,
        letter: &HeldLetter,
    ) -> Result<ReplayPreview, ReplayError> {
        preview_read(stores, &self.collections, letter, self.first).await
    }
}

/// Of what is sealed it is known when it is opened.
fn first_needs(stores: PreviewStores<'_>, event: &Transaction) -> Option<Needs> {
    let sealed = stores.catalog.sealed();
    if sealed.is_touched_by(&event.attributes.operation) {
        return None;
    }
    stores.catalog.of(event).ok()?.needs(event).ok()
}
