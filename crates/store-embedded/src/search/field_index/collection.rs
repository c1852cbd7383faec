//! What is indexed of one collection. Its documents have numbers, in the order of their ids as far
//! as they came in it; a number is never given to another document. It must never hold what no
//! transaction has committed, and never lack what one has.

use super::{column::FieldColumn, held::HeldValues, set::DocumentSet};
use crate::{
    classify::Failure,
    search::{document::Document, field::Source, leaf},
};
use event_schema::Raw;
use std::collections::{BTreeMap, BTreeSet};

/// A document that a transaction wrote: its line in the file, and the texts before and after.
#[derive(Clone, Debug)]
pub(crate) struct IndexedChange {
    pub row: i64,
    pub id: String,
    pub before: Option<Raw>,
    pub after: Option<Raw>,
    /// Its line is gone, and may become another document's.
    pub is_gone: bool,
}

/// The numbers of a collection's documents, and where they stand in the file.
#[derive(Debug, Default)]
pub(crate) struct NumberedDocuments {
    /// By number: the line.
    rows: Vec<u32>,
    /// By line, in their order: the number.
    by_row: Vec<(u32, u32)>,
    pub live: DocumentSet,
    live_count: u64,
    /// The greatest id of those whose numbers are in the order of ids.
    greatest: Option<String>,
    /// Those that came out of this order, by their ids.
    pub late: BTreeMap<String, u32>,
    pub late_numbers: DocumentSet,
    late_bytes: usize,
}

impl NumberedDocuments {
    /// Gives a number to a document that has none.
    pub fn push(&mut self, row: u32, id: &str) -> u32 {
        let number = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(row);
        match self.by_row.last() {
            Some((last, _)) if *last >= row => {
                let at = self.by_row.partition_point(|(other, _)| *other < row);
                self.by_row.insert(at, (row, number));
            }
            _ => self.by_row.push((row, number)),
        }
        if self
            .greatest
            .as_deref()
            .is_none_or(|greatest| greatest < id)
        {
            self.greatest = Some(id.to_owned());
        } else {
            self.late_bytes += id.len() + 48;
            self.late.insert(id.to_owned(), number);
            self.late_numbers.insert(number);
        }
        number
    }

    pub fn number(&self, row: i64) -> Option<u32> {
        self.place_of(row).map(|at| self.by_row[at].1)
    }

    /// Of a line in `by_row`.
    fn place_of(&self, row: i64) -> Option<usize> {
        let row = u32::try_from(row).ok()?;
        let found = self.by_row.binary_search_by_key(&row, |(row, _)| *row);
        found.ok()
    }

    pub fn row(&self, number: u32) -> i64 {
        self.rows[number as usize].into()
    }

    pub fn set_live(&mut self, number: u32, is_live: bool) {
        match (self.live.contains(number), is_live) {
            (false, true) => {
                self.live.insert(number);
                self.live_count += 1;
            }
            (true, false) => {
                self.live.remove(number);
                self.live_count = self.live_count.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// The line may become another document's.
    fn forget(&mut self, row: i64, id: &str) {
        let Some(at) = self.place_of(row) else {
            return;
        };
        let (_, number) = self.by_row.remove(at);
        self.set_live(number, false);
        self.late.remove(id);
        self.late_numbers.remove(number);
    }

    /// One more than the greatest number.
    pub fn end(&self) -> u32 {
        self.rows.len() as u32
    }

    pub fn live_count(&self) -> u64 {
        self.live_count
    }

    /// Are so many of the numbers given to nothing that it should be made again?
    fn is_worn(&self) -> bool {
        self.rows.len() as u64 > 2 * self.live_count + 4_096
    }

    fn bytes(&self) -> usize {
        self.rows.capacity() * 4 + self.by_row.capacity() * 8 + self.live.bytes() + self.late_bytes
    }
}

/// What writes while an index is being made, in their order.
#[derive(Debug, Default)]
pub(crate) struct PendingChanges {
    pub changes: Vec<IndexedChange>,
    pub bytes: usize,
    /// It cannot be made from these.
    pub is_broken: bool,
}

#[derive(Debug, Default)]
pub(crate) struct CollectionIndex {
    /// Another after each change of the columns.
    pub stage: u64,
    /// `None` until it has been made.
    pub numbered: Option<NumberedDocuments>,
    pub columns: Vec<FieldColumn>,
    pub pending: Option<PendingChanges>,
    /// Fields whose indexes would be larger than all of them may be.
    pub refused: Vec<Source>,
    pub is_refused: bool,
}

/// Texts that are kept for an index that is being made.
const PENDING_BYTES: usize = 64 * 1024 * 1024;

/// What a change is for each column, where it is any: before and after. A document that is not there
/// holds nothing.
pub(crate) type ChangedValues = Vec<Option<(HeldValues, HeldValues)>>;

impl CollectionIndex {
    pub fn column(&self, source: &Source) -> Option<&FieldColumn> {
        self.columns.iter().find(|column| column.source == *source)
    }

    /// What changes in each column. Reads the texts, and changes nothing.
    pub fn read_change(&self, change: &IndexedChange) -> Result<ChangedValues, Failure> {
        let wanted = self.columns.iter().flat_map(|column| &column.members);
        let wanted: BTreeSet<&str> = wanted.map(String::as_str).collect();
        let read = |body: &Option<Raw>| {
            let read = |body: &Raw| Document::read(body.get(), &wanted);
            body.as_ref().map(read).transpose()
        };
        let (before, after) = (read(&change.before)?, read(&change.after)?);
        let changed = self.columns.iter().map(|column| {
            let is_same = before
                .as_ref()
                .zip(after.as_ref())
                .is_some_and(|(before, after)| before.has_same(after, &column.members));
            let held = |document: &Option<Document>| match document {
                Some(document) => HeldValues::of(&column.source, document),
                None => HeldValues::default(),
            };
            (!is_same).then(|| (held(&before), held(&after)))
        });
        Ok(changed.collect())
    }

    /// Takes over what was committed.
    pub fn apply(&mut self, change: &IndexedChange, values: &ChangedValues) {
        if let Some(pending) = &mut self.pending {
            let size = |body: &Option<Raw>| body.as_ref().map_or(0, |body| body.get().len());
            pending.bytes += size(&change.before) + size(&change.after) + change.id.len() + 100;
            pending.is_broken |= pending.bytes > PENDING_BYTES || change.is_gone;
            if pending.is_broken {
                pending.changes = Vec::new();
            } else {
                pending.changes.push(change.clone());
            }
        }
        let Some(numbered) = &mut self.numbered else {
            return;
        };
        let known = numbered.number(change.row);
        let number = match (known, u32::try_from(change.row)) {
            (Some(number), _) => number,
            (None, _) if change.after.is_none() => return,
            (None, Ok(row)) => numbered.push(row, &change.id),
            (None, Err(_)) => {
                self.clear();
                return;
            }
        };
        numbered.set_live(number, change.after.is_some());
        for (column, changed) in self.columns.iter_mut().zip(values) {
            if let Some((before, after)) = changed {
                column.replace(number, before, after);
            }
        }
        if change.is_gone {
            numbered.forget(change.row, &change.id);
        }
        if numbered.is_worn() {
            self.clear();
        }
    }

    /// Forgets all that is indexed; a search makes it again.
    pub fn clear(&mut self) {
        self.stage += 1;
        self.numbered = None;
        self.columns.clear();
        if let Some(pending) = &mut self.pending {
            pending.is_broken = true;
        }
    }

    pub fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(FieldColumn::bytes).sum();
        columns + self.numbered.as_ref().map_or(0, NumberedDocuments::bytes)
    }
}

/// The members of documents that these fields are read from.
pub(crate) fn wanted_members<'s>(sources: impl Iterator<Item = &'s Source>) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    leaf::name_members(sources, &mut wanted);
    wanted
}
