//! The edge between what is plain and what is sealed: a request before it becomes an event, and an
//! event, the current state and the plan of one operation in a worker. Planning itself knows
//! nothing of it. Pure: keys are found before.

use crate::{
    cipher::{KeyId, SubjectKey},
    mask::{has_sealed, mask_values},
    subject_keys::hash,
};
use catalog::{Accepted, Current, CurrentDocument, Needs, Plan, SealedMarks, SealedPath};
use event_schema::{
    Raw,
    decision::UniqueValue,
    id::EntityKey,
    mutation::{DocumentKey, RowKey, RowMutation},
    outcome::Verdict,
    raw,
    signing::Keyring,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A value is to be sealed for a subject whose key was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its personal data was erased, and none can be added")]
pub struct SubjectErased;

/// What one catalog seals, with the key of the subject at hand.
#[derive(Clone, Copy)]
pub struct SealedBoundary<'a> {
    pub marks: &'a SealedMarks,
    pub secret: &'a Keyring,
    /// Whose values they are, where something is to be sealed.
    pub subject: Option<KeyId>,
    /// `None`: nothing was sealed for it, or it was erased.
    pub key: Option<&'a SubjectKey>,
}

impl<'a> SealedBoundary<'a> {
    /// Likewise for a subject, whose key may be gone.
    pub fn of(self, subject: KeyId, key: Option<&'a SubjectKey>) -> Self {
        let subject = Some(subject);
        Self {
            subject,
            key,
            ..self
        }
    }

    /// Without a key, what was sealed for this subject before stays sealed, and nothing else can be:
    /// neither what only holds something sealed nor what is another subject's.
    fn seal(&self, text: &mut String) -> Result<(), SubjectErased> {
        match self.key {
            Some(key) => *text = key.seal(text),
            None if self.subject.is_some() && KeyId::of_sealed(text) == self.subject => {}
            None => return Err(SubjectErased),
        }
        Ok(())
    }

    /// The entity key as it stands in the log: the id of a marked kind is a keyed hash.
    pub fn entity_key(&self, key: EntityKey) -> EntityKey {
        match key.0.split_once('/') {
            Some((kind, id)) if self.marks.is_kind(kind) => {
                EntityKey(format!("{kind}/{}", hash(self.secret, kind, id)))
            }
            Some(_) | None => key,
        }
    }

    /// The row's key as stores have it.
    pub fn row_key(&self, mut key: RowKey) -> RowKey {
        if self.marks.is_table(&key.table) {
            for (column, value) in &mut key.key {
                if let Value::String(text) = value
                    && self.marks.is_column(&key.table, column)
                {
                    *text = hash(self.secret, column, text);
                }
            }
        }
        key
    }

    /// The unique value as stores have it.
    pub fn unique_value(&self, mut value: UniqueValue) -> UniqueValue {
        if self.marks.is_space(&value.space) {
            value.value = hash(self.secret, &value.space, &value.value);
        }
        value
    }

    /// A request's marked members sealed.
    pub fn seal_request(&self, accepted: &mut Accepted) -> Result<(), SubjectErased> {
        let paths = self.marks.request(&accepted.operation);
        accepted.request = self.sealed(paths, &accepted.request)?;
        Ok(())
    }

    /// A request's marked members opened. What cannot be stays as it is. The values, for masking.
    pub fn open_request(&self, operation: &str, request: &mut Raw) -> Vec<String> {
        let paths = self.marks.request(operation);
        let mut values = Vec::new();
        *request = self.opened(paths, request, &mut values);
        values
    }

    /// A document's marked fields opened.
    pub fn open_document(&self, index: &str, collection: &str, body: &Raw) -> Raw {
        let paths = self.marks.documents(index, collection);
        self.opened(paths, body, &mut Vec::new())
    }

    /// A row's marked cells opened.
    pub fn open_row(&self, table: &str, cells: &mut Map<String, Value>) {
        self.each_cell(table, cells, |text| {
            if let Some(opened) = self.key.and_then(|key| key.open(text)) {
                *text = opened;
            }
            Ok(())
        })
        .unwrap_or_default();
    }

    /// All that a plan says, as it may be written down. Parts are for their own subjects.
    pub fn seal_plan(&self, plan: &mut Plan, values: &[String]) -> Result<(), SubjectErased> {
        for change in &mut plan.documents {
            let key = &change.key;
            let paths = self.marks.documents(&key.index, &key.collection);
            for body in [&mut change.before, &mut change.after] {
                *body = match body {
                    Some(body) => Some(self.sealed(paths, body)?),
                    None => None,
                };
            }
        }
        for row in &mut plan.rows {
            self.seal_row(row)?;
        }
        for taken in &mut plan.takes {
            taken.value = self.unique_value(taken.value.clone());
        }
        for released in &mut plan.releases {
            *released = self.unique_value(released.clone());
        }
        self.store_keys(&mut plan.read);
        match &mut plan.verdict {
            Verdict::Refused(refusal) => mask_values(&mut refusal.message, values),
            Verdict::DeadLettered(reason) => mask_values(&mut reason.message, values),
            Verdict::Applied | Verdict::Parked(_) => {}
        }
        Ok(())
    }

    /// Needs by the names that stores have.
    pub fn store_keys(&self, needs: &mut Needs) {
        for key in &mut needs.rows {
            *key = self.row_key(key.clone());
        }
    }

    fn seal_row(&self, row: &mut RowMutation) -> Result<(), SubjectErased> {
        let table = row.key.table.clone();
        if !self.marks.is_table(&table) {
            return Ok(());
        }
        row.key = self.row_key(row.key.clone());
        self.seal_cells(&table, &mut row.cells)?;
        match &mut row.before {
            Some(before) => self.seal_cells(&table, before),
            None => Ok(()),
        }
    }

    fn seal_cells(&self, table: &str, cells: &mut Map<String, Value>) -> Result<(), SubjectErased> {
        self.each_cell(table, cells, |text| self.seal(text))
    }

    fn each_cell(
        &self,
        table: &str,
        cells: &mut Map<String, Value>,
        mut call: impl FnMut(&mut String) -> Result<(), SubjectErased>,
    ) -> Result<(), SubjectErased> {
        if !self.marks.is_table(table) {
            return Ok(());
        }
        for (column, value) in cells {
            if let Value::String(text) = value
                && self.marks.is_column(table, column)
            {
                call(text)?;
            }
        }
        Ok(())
    }

    fn sealed(&self, paths: &[SealedPath], body: &Raw) -> Result<Raw, SubjectErased> {
        let mut is_erased = false;
        let sealed = edited(paths, body, &mut |text| {
            is_erased |= self.seal(text).is_err();
        });
        match is_erased {
            true => Err(SubjectErased),
            false => Ok(sealed),
        }
    }

    fn opened(&self, paths: &[SealedPath], body: &Raw, values: &mut Vec<String>) -> Raw {
        let Some(key) = self.key.filter(|_| has_sealed(body.get())) else {
            return body.clone();
        };
        edited(paths, body, &mut |text| {
            if let Some(opened) = key.open(text) {
                values.push(opened.clone());
                *text = opened;
            }
        })
    }
}

fn edited(paths: &[SealedPath], body: &Raw, edit: &mut dyn FnMut(&mut String)) -> Raw {
    if paths.is_empty() {
        return body.clone();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(body.get()) else {
        return body.clone();
    };
    for path in paths {
        path.visit(&mut value, edit);
    }
    raw(&value)
}

/// The state that an event is planned over, opened for the event's subject.
pub struct OpenedState<'a, S: ?Sized> {
    pub state: &'a S,
    pub boundary: SealedBoundary<'a>,
}

impl<S: Current + ?Sized> Current for OpenedState<'_, S> {
    fn knows_document(&self, key: &DocumentKey) -> bool {
        self.state.knows_document(key)
    }

    fn knows_row(&self, key: &RowKey) -> bool {
        self.state.knows_row(&self.boundary.row_key(key.clone()))
    }

    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        let CurrentDocument { revision, body } = self.state.document(key);
        let open = |body: Raw| {
            self.boundary
                .open_document(&key.index, &key.collection, &body)
        };
        CurrentDocument {
            revision,
            body: body.map(open),
        }
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        let mut cells = self.state.row(&self.boundary.row_key(key.clone()))?;
        self.boundary.open_row(&key.table, &mut cells);
        Some(cells)
    }

    fn row_expires(&self, key: &RowKey) -> Option<i64> {
        self.state.row_expires(&self.boundary.row_key(key.clone()))
    }

    fn secret(&self) -> Option<&Keyring> {
        self.state.secret()
    }
}

/// A subject's key, shared.
pub type SharedKey = Option<Arc<SubjectKey>>;

#[cfg(test)]
mod tests;
