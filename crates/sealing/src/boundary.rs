//! The edge between what is plain and what is sealed: a request before it becomes an event, and an
//! event, the current state and the plan of one operation in a worker. Planning itself knows
//! nothing of it. Pure: keys are found before.

use crate::{
    cipher::{SubjectAccess, ValuePlace},
    mask::{MASK, has_sealed, mask_values},
    subject_keys::value_hash,
};
use catalog::{Accepted, Current, CurrentDocument, Needs, Plan, SealedMarks, SealedPath};
use event_schema::{
    Raw,
    decision::UniqueValue,
    id::EntityKey,
    mutation::{DocumentKey, RowKey, RowMutation},
    outcome::Verdict,
    signing::Keyring,
    to_raw,
};
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeMap};

/// A value is to be sealed for a subject whose key was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its personal data was erased, and none can be added")]
pub struct SubjectErased;

/// Why an edited request cannot be sealed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditUnsealable {
    #[error(transparent)]
    Erased(#[from] SubjectErased),
    #[error(
        "a list of sealed values has another length, and a value in it is masked: say all of its values"
    )]
    Masked,
}

/// What one catalog seals, with the subject at hand.
#[derive(Clone, Copy)]
pub struct SealedBoundary<'a> {
    pub marks: &'a SealedMarks,
    pub secret: &'a Keyring,
    /// `None`: names alone are hashed, and no value passes.
    pub subject: Option<&'a SubjectAccess>,
}

impl<'a> SealedBoundary<'a> {
    /// Likewise for another subject.
    pub fn of(self, subject: &'a SubjectAccess) -> Self {
        Self {
            subject: Some(subject),
            ..self
        }
    }

    /// The entity key as it stands in the log: the id of a marked kind is a keyed hash.
    pub fn entity_key(&self, key: EntityKey) -> EntityKey {
        match key.0.split_once('/') {
            Some((kind, id)) if self.marks.is_kind(kind) => {
                EntityKey(format!("{kind}/{}", value_hash(self.secret, kind, id)))
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
                    *text = value_hash(self.secret, column, text);
                }
            }
        }
        key
    }

    /// The unique value as stores have it.
    pub fn unique_value(&self, mut value: UniqueValue) -> UniqueValue {
        if self.marks.is_space(&value.space) {
            value.value = value_hash(self.secret, &value.space, &value.value);
        }
        value
    }

    /// A client's request with its marked members sealed. Of an erased subject nothing in it is taken
    /// for sealed already.
    pub fn seal_request(&self, accepted: &mut Accepted) -> Result<(), SubjectErased> {
        let marked = self.marked_request(&accepted.operation);
        let seal = |place: ValuePlace<'_>, text: &mut String| {
            if self.open(place, text).is_none() {
                *text = self.sealed(place, text)?;
            }
            Ok::<_, SubjectErased>(())
        };
        accepted.request = self.edited_body(marked, &accepted.request, seal)?;
        Ok(())
    }

    /// A part of a plan likewise. What could not be opened, since its subject was erased, stays
    /// sealed.
    pub fn seal_part(&self, part: &mut Accepted) -> Result<(), SubjectErased> {
        part.request = self.resealed(self.marked_request(&part.operation), &part.request)?;
        Ok(())
    }

    /// The request of a held event after somebody edited it as it is shown: new values of marked
    /// members are sealed, masks stand for what was there.
    pub fn seal_edited(
        &self,
        operation: &str,
        was: &Raw,
        edited: &Raw,
    ) -> Result<Raw, EditUnsealable> {
        let mut stood: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.each_marked(operation, was, |field, text| {
            stood.entry(field).or_default().push(text);
        });
        let mut edits: BTreeMap<String, usize> = BTreeMap::new();
        self.each_marked(operation, edited, |field, _| {
            *edits.entry(field).or_default() += 1;
        });
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        self.edited_body(self.marked_request(operation), edited, |place, text| {
            let stood = stood.get(place.field).map_or(&[][..], Vec::as_slice);
            let nth = seen.entry(place.field.to_owned()).or_default();
            let n = std::mem::replace(nth, *nth + 1);
            if text == MASK {
                let is_same = edits.get(place.field) == Some(&stood.len());
                let standing = stood.get(n).filter(|_| is_same);
                standing.ok_or(EditUnsealable::Masked)?.clone_into(text);
            } else if !stood.contains(text) {
                *text = self.sealed(place, text)?;
            }
            Ok(())
        })
    }

    /// A request's marked members opened. What cannot be stays as it is. The values, for masking.
    pub fn open_request(&self, operation: &str, request: &mut Raw) -> Vec<String> {
        let mut values = Vec::new();
        *request = self.opened_body(self.marked_request(operation), request, &mut values);
        values
    }

    /// A document's marked fields opened.
    pub fn open_document(&self, index: &str, collection: &str, body: &Raw) -> Raw {
        self.opened_body(
            self.marked_document(index, collection),
            body,
            &mut Vec::new(),
        )
    }

    /// A row's marked cells opened.
    pub fn open_row(&self, table: &str, cells: &mut Map<String, Value>) {
        self.opened_row(table, cells, &mut Vec::new());
    }

    fn opened_row(&self, table: &str, cells: &mut Map<String, Value>, values: &mut Vec<String>) {
        let open = |place: ValuePlace<'_>, text: &mut String| {
            if let Some(opened) = self.open(place, text) {
                values.push(opened.clone());
                *text = opened;
            }
            Ok::<_, SubjectErased>(())
        };
        self.each_cell(table, cells, open).unwrap_or_default();
    }

    /// All that a plan says, as it may be written down. Parts are for their own subjects.
    pub fn seal_plan(&self, plan: &mut Plan, values: &[String]) -> Result<(), SubjectErased> {
        for change in &mut plan.documents {
            let key = &change.key;
            for body in [&mut change.before, &mut change.after] {
                let marked = self.marked_document(&key.index, &key.collection);
                *body = match body {
                    Some(body) => Some(self.resealed(marked, body)?),
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
        self.each_cell(table, cells, |place, text| self.reseal_text(place, text))
    }

    fn each_cell<E>(
        &self,
        table: &str,
        cells: &mut Map<String, Value>,
        mut call: impl FnMut(ValuePlace<'_>, &mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.marks.is_table(table) {
            return Ok(());
        }
        for (column, value) in cells {
            if let Value::String(text) = value
                && self.marks.is_column(table, column)
            {
                call(ValuePlace::of_column(table, column), text)?;
            }
        }
        Ok(())
    }

    fn marked_request(&self, operation: &str) -> MarkedBody<'a> {
        MarkedBody {
            kind: "request",
            within: operation.to_owned(),
            paths: self.marks.request(operation),
        }
    }

    fn marked_document(&self, index: &str, collection: &str) -> MarkedBody<'a> {
        MarkedBody {
            kind: "document",
            within: format!("{index}/{collection}"),
            paths: self.marks.documents(index, collection),
        }
    }

    fn open(&self, place: ValuePlace<'_>, text: &str) -> Option<String> {
        self.subject?.key.as_ref()?.open(place, text)
    }

    fn sealed(&self, place: ValuePlace<'_>, text: &str) -> Result<String, SubjectErased> {
        let key = self.subject.and_then(|subject| subject.key.as_ref());
        Ok(key.ok_or(SubjectErased)?.seal(place, text))
    }

    /// Seals what is not sealed. Of an erased subject, only what its own key sealed may stay.
    fn reseal_text(&self, place: ValuePlace<'_>, text: &mut String) -> Result<(), SubjectErased> {
        let subject = self.subject.ok_or(SubjectErased)?;
        let is_sealed = match &subject.key {
            Some(key) => key.open(place, text).is_some(),
            None => subject.id.has_sealed(text),
        };
        if !is_sealed {
            *text = self.sealed(place, text)?;
        }
        Ok(())
    }

    fn resealed(&self, marked: MarkedBody<'_>, body: &Raw) -> Result<Raw, SubjectErased> {
        self.edited_body(marked, body, |place, text| self.reseal_text(place, text))
    }

    fn opened_body(&self, marked: MarkedBody<'_>, body: &Raw, values: &mut Vec<String>) -> Raw {
        if !has_sealed(body.get()) {
            return body.clone();
        }
        let open = |place: ValuePlace<'_>, text: &mut String| {
            if let Some(opened) = self.open(place, text) {
                values.push(opened.clone());
                *text = opened;
            }
            Ok::<_, SubjectErased>(())
        };
        let opened = self.edited_body(marked, body, open);
        opened.unwrap_or_else(|SubjectErased| body.clone())
    }

    fn each_marked(&self, operation: &str, body: &Raw, mut call: impl FnMut(String, String)) {
        let look = |place: ValuePlace<'_>, text: &mut String| {
            call(place.field.to_owned(), text.clone());
            Ok::<_, SubjectErased>(())
        };
        drop(self.edited_body(self.marked_request(operation), body, look));
    }

    fn edited_body<E>(
        &self,
        marked: MarkedBody<'_>,
        body: &Raw,
        mut edit: impl FnMut(ValuePlace<'_>, &mut String) -> Result<(), E>,
    ) -> Result<Raw, E> {
        if marked.paths.is_empty() {
            return Ok(body.clone());
        }
        let Ok(mut value) = serde_json::from_str::<Value>(body.get()) else {
            return Ok(body.clone());
        };
        for path in marked.paths {
            let field = path.to_string();
            let place = ValuePlace {
                kind: marked.kind,
                within: &marked.within,
                field: &field,
            };
            let mut done = Ok(());
            path.visit(&mut value, &mut |text| {
                if done.is_ok() {
                    done = edit(place, text);
                }
            });
            done?;
        }
        Ok(to_raw(&value))
    }
}

/// What is marked in a request or document.
struct MarkedBody<'a> {
    kind: &'static str,
    within: String,
    paths: &'a [SealedPath],
}

/// The state that an event is planned over, opened for the event's subject.
pub struct OpenedState<'a, S: ?Sized> {
    state: &'a S,
    boundary: SealedBoundary<'a>,
    values: RefCell<Vec<String>>,
}

impl<'a, S: ?Sized> OpenedState<'a, S> {
    pub fn new(state: &'a S, boundary: SealedBoundary<'a>) -> Self {
        Self {
            state,
            boundary,
            values: RefCell::default(),
        }
    }

    /// The values that were opened for the plan, so that no message shows them.
    pub fn into_values(self) -> Vec<String> {
        self.values.into_inner()
    }
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
            let marked = self.boundary.marked_document(&key.index, &key.collection);
            self.boundary
                .opened_body(marked, &body, &mut self.values.borrow_mut())
        };
        CurrentDocument {
            revision,
            body: body.map(open),
        }
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        let mut cells = self.state.row(&self.boundary.row_key(key.clone()))?;
        let values = &mut self.values.borrow_mut();
        self.boundary.opened_row(&key.table, &mut cells, values);
        Some(cells)
    }

    fn row_expires(&self, key: &RowKey) -> Option<i64> {
        self.state.row_expires(&self.boundary.row_key(key.clone()))
    }

    fn secret(&self) -> Option<&Keyring> {
        self.state.secret()
    }
}

#[cfg(test)]
mod tests;
