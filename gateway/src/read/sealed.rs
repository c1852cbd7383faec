//! Sealed values on their way to clients: opened where the catalog marks them and the settings let
//! a read by id show them; masked everywhere else. What is not opened here leaves masked: answers
//! and notifications pass [`masked_json`] last.

use crate::error::Problem;
use catalog::{CatalogInUse, SealedMarks};
use event_schema::{Raw, mutation::RowKey};
use sealing::{SealedBoundary, SubjectKeys, mask};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Opens what a read may show.
pub(crate) struct SealedReader {
    pub keys: SubjectKeys,
    pub catalog: CatalogInUse,
    /// May reads by id show what is sealed?
    pub is_shown: bool,
}

impl SealedReader {
    fn boundary<'a>(&'a self, marks: &'a SealedMarks) -> SealedBoundary<'a> {
        SealedBoundary {
            marks,
            secret: self.keys.secret(),
            subject: None,
        }
    }

    /// The row's key as the record has it.
    pub(crate) fn row_key(&self, key: RowKey) -> RowKey {
        let catalog = self.catalog.current();
        self.boundary(catalog.sealed()).row_key(key)
    }

    /// A document as a read by id shows it.
    pub(crate) async fn document(
        &self,
        index: &str,
        collection: &str,
        mut body: Raw,
    ) -> Result<Raw, Problem> {
        if self.is_shown && mask::has_sealed(body.get()) {
            let catalog = self.catalog.current();
            for id in mask::keys_named(body.get()) {
                let subject = self.keys.known(id).await?;
                let boundary = self.boundary(catalog.sealed()).of(&subject);
                body = boundary.open_document(index, collection, &body);
            }
        }
        Ok(body)
    }

    /// A row's cells as a read by id shows them.
    pub(crate) async fn row(
        &self,
        table: &str,
        cells: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        let catalog = self.catalog.current();
        if !self.is_shown || !catalog.sealed().is_table(table) {
            return Ok(());
        }
        let text = Value::Object(cells.clone()).to_string();
        for id in mask::keys_named(&text) {
            let subject = self.keys.known(id).await?;
            let boundary = self.boundary(catalog.sealed()).of(&subject);
            boundary.open_row(table, cells);
        }
        Ok(())
    }
}

/// JSON as it may leave: what is still sealed is masked.
pub(crate) fn masked_json(json: Vec<u8>) -> Vec<u8> {
    match std::str::from_utf8(&json).map(mask::mask_sealed) {
        Ok(Cow::Owned(masked)) => masked.into_bytes(),
        Ok(Cow::Borrowed(_)) | Err(_) => json,
    }
}
