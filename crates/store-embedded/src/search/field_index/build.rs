//! Makes indexes that a search lacks: reads the collection once in a snapshot, then takes over what
//! was written meanwhile. Nobody waits for it but the search that wants it; another that wants it
//! too reads all documents once more.

use super::{
    CollectionIndex, FieldIndexes,
    collection::{IndexedChange, NumberedDocuments, PendingChanges, wanted_members},
    column::{ColumnBuilder, FieldColumn},
    held::HeldValues,
};
use crate::{
    classify::Failure,
    search::{document::Document, field::Source},
};
use event_schema::Raw;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::sync::atomic::Ordering;

const WHOLE: &str =
    "SELECT rowid, id, body FROM documents WHERE place = ? AND body IS NOT NULL ORDER BY id";
/// Documents between two looks at what it takes and at numbers.
const BATCH: usize = 512;
/// So few changes are taken over while searches wait.
const FEW: usize = 64;

/// What is being made.
struct IndexDraft {
    /// `None`: the collection has its numbers.
    numbered: Option<NumberedDocuments>,
    columns: Vec<FieldColumn>,
}

impl FieldIndexes {
    /// Makes the indexes of these fields that are not there, if they may be.
    pub fn prepare(
        &self,
        connection: &Connection,
        place: i64,
        sources: &[Source],
    ) -> Result<(), Failure> {
        let Some(missing) = self.missing(place, sources) else {
            return Ok(());
        };
        if !self.is_large(connection, place)? {
            return Ok(());
        }
        let mut all = self.all.write();
        let index = all.entry(place).or_default();
        if index.pending.is_some() {
            return Ok(());
        }
        index.pending = Some(PendingChanges::default());
        let needs_numbers = index.numbered.is_none();
        self.watched.store(all.len(), Ordering::Release);
        drop(all);
        let snapshot = self.snapshot(connection, place);
        let read =
            snapshot.and_then(|snapshot| self.scan(&snapshot, place, &missing, needs_numbers));
        let draft = match read {
            Ok(draft) => draft,
            Err(failure) => {
                self.give_up(place, &missing, false);
                return Err(failure);
            }
        };
        match draft {
            Some(draft) => self.install(place, draft),
            None => self.give_up(place, &missing, true),
        }
        Ok(())
    }

    /// The collection at a moment from which on every write is told.
    fn snapshot<'c>(
        &self,
        connection: &'c Connection,
        place: i64,
    ) -> Result<Transaction<'c>, Failure> {
        let _none_writes = self.begin();
        if let Some(pending) = self
            .all
            .write()
            .get_mut(&place)
            .and_then(|all| all.pending.as_mut())
        {
            pending.changes.clear();
        }
        let snapshot = connection.unchecked_transaction()?;
        // It begins with the first read.
        let any = "SELECT 1 FROM documents LIMIT 1";
        let _any: Option<i64> = snapshot.query_row(any, [], |row| row.get(0)).optional()?;
        Ok(snapshot)
    }

    /// Fields of which there is no index. `None`: nothing is to be made.
    fn missing(&self, place: i64, sources: &[Source]) -> Option<Vec<Source>> {
        if self.limits.bytes == 0 {
            return None;
        }
        let all = self.all.read();
        let Some(index) = all.get(&place) else {
            return Some(sources.to_vec());
        };
        if index.pending.is_some() || index.is_refused {
            return None;
        }
        let beat = self.next_beat();
        let mut missing = Vec::new();
        for source in sources {
            match index.column(source) {
                Some(column) => column.touch(beat),
                None if index.refused.contains(source) => {}
                None => missing.push(source.clone()),
            }
        }
        (index.numbered.is_none() || !missing.is_empty()).then_some(missing)
    }

    fn is_large(&self, connection: &Connection, place: i64) -> Result<bool, Failure> {
        let Some(before) = self.limits.least_documents.checked_sub(1) else {
            return Ok(true);
        };
        const BEYOND: &str = "SELECT 1 FROM documents WHERE place = ?1 LIMIT 1 OFFSET ?2";
        let found: Option<i64> = connection
            .prepare_cached(BEYOND)?
            .query_row(params![place, before.cast_signed()], |row| row.get(0))
            .optional()?;
        Ok(found.is_some())
    }

    /// `None`: it takes more memory than it may, or was given up.
    fn scan(
        &self,
        connection: &Connection,
        place: i64,
        missing: &[Source],
        needs_numbers: bool,
    ) -> Result<Option<IndexDraft>, Failure> {
        let mut numbered = needs_numbers.then(NumberedDocuments::default);
        let mut builders: Vec<_> = missing.iter().cloned().map(ColumnBuilder::new).collect();
        let wanted = wanted_members(missing.iter());
        let mut statement = connection.prepare_cached(WHOLE)?;
        let mut rows = statement.query([place])?;
        let mut batch: Vec<(i64, Vec<HeldValues>)> = Vec::with_capacity(BATCH);
        loop {
            let row = rows.next()?;
            if let Some(row) = row {
                let (line, id): (i64, String) = (row.get(0)?, row.get(1)?);
                let document = if wanted.is_empty() {
                    Document::default()
                } else {
                    let body = row.get_ref(2)?.as_str();
                    let body = body.map_err(|error| Failure::Damaged(error.to_string()))?;
                    Document::read(body, &wanted)?
                };
                if let Some(numbered) = &mut numbered {
                    let Ok(line) = u32::try_from(line) else {
                        return Ok(None);
                    };
                    let number = numbered.push(line, &id);
                    numbered.set_live(number, true);
                }
                let held = missing
                    .iter()
                    .map(|source| HeldValues::of(source, &document));
                batch.push((line, held.collect()));
            }
            if row.is_none() || batch.len() >= BATCH {
                if !self.number_batch(place, numbered.as_ref(), &mut batch, &mut builders) {
                    return Ok(None);
                }
                let bytes: usize = builders.iter().map(ColumnBuilder::bytes).sum();
                if bytes > self.limits.bytes {
                    return Ok(None);
                }
            }
            if row.is_none() {
                break;
            }
        }
        let columns = builders.into_iter().map(ColumnBuilder::build).collect();
        Ok(Some(IndexDraft { numbered, columns }))
    }

    /// False: the numbers are gone.
    fn number_batch(
        &self,
        place: i64,
        numbered: Option<&NumberedDocuments>,
        batch: &mut Vec<(i64, Vec<HeldValues>)>,
        builders: &mut [ColumnBuilder],
    ) -> bool {
        let all = numbered.is_none().then(|| self.all.read());
        let known = all
            .as_ref()
            .and_then(|all| all.get(&place)?.numbered.as_ref());
        let Some(numbered) = numbered.or(known) else {
            return false;
        };
        for (line, held) in batch.drain(..) {
            let Some(number) = numbered.number(line) else {
                return false;
            };
            builders
                .iter_mut()
                .zip(held)
                .for_each(|(builder, held)| builder.insert(number, held));
        }
        true
    }

    /// Takes over what was written since the snapshot, and lets searches have it.
    fn install(&self, place: i64, mut draft: IndexDraft) {
        loop {
            let mut all = self.all.write();
            let Some(index) = all.get_mut(&place) else {
                return;
            };
            let Some(pending) = &mut index.pending else {
                return;
            };
            let (changes, is_broken) = (std::mem::take(&mut pending.changes), pending.is_broken);
            pending.bytes = 0;
            let has_numbers = index.numbered.is_some() != draft.numbered.is_some();
            if is_broken || !has_numbers {
                drop(all);
                return self.give_up(place, &[], false);
            }
            if changes.len() > FEW {
                drop(all);
                // Whoever writes may go on meanwhile.
                for changes in changes.chunks(BATCH) {
                    let all = self.all.read();
                    let known = all.get(&place).and_then(|index| index.numbered.as_ref());
                    if !draft.catch_up(known, changes) {
                        drop(all);
                        return self.give_up(place, &[], false);
                    }
                }
                continue;
            }
            let is_done = draft.catch_up(index.numbered.as_ref(), &changes);
            if !is_done {
                drop(all);
                return self.give_up(place, &[], false);
            }
            index.pending = None;
            index.stage += 1;
            let beat = self.next_beat();
            draft.columns.iter().for_each(|column| column.touch(beat));
            self.built
                .fetch_add(draft.columns.len() as u64, Ordering::Relaxed);
            index.columns.append(&mut draft.columns);
            if let Some(numbered) = draft.numbered {
                index.numbered = Some(numbered);
            }
            self.bound(&mut all);
            return;
        }
    }

    fn give_up(&self, place: i64, sources: &[Source], is_too_large: bool) {
        let mut all = self.all.write();
        if let Some(index) = all.get_mut(&place) {
            let is_broken = index
                .pending
                .take()
                .is_some_and(|pending| pending.is_broken);
            if is_too_large && !is_broken {
                index.refused.extend_from_slice(sources);
                index.is_refused |= index.numbered.is_none();
            }
            if index.numbered.is_none() && !index.is_refused {
                all.remove(&place);
            }
        }
        self.watched.store(all.len(), Ordering::Release);
    }
}

impl IndexDraft {
    /// False: it cannot be told what changed.
    fn catch_up(&mut self, known: Option<&NumberedDocuments>, changes: &[IndexedChange]) -> bool {
        let wanted = wanted_members(self.columns.iter().map(|column| &column.source));
        changes.iter().all(|change| {
            let number = match &mut self.numbered {
                Some(own) => {
                    let Ok(row) = u32::try_from(change.row) else {
                        return false;
                    };
                    match own.number(change.row) {
                        None if change.after.is_none() => return true,
                        None => Some(own.push(row, &change.id)),
                        known => known,
                    }
                }
                None => known.and_then(|known| known.number(change.row)),
            };
            let Some(number) = number else {
                // It came and went within what is known to be nowhere.
                return change.after.is_none() && change.before.is_none();
            };
            if let Some(own) = &mut self.numbered {
                own.set_live(number, change.after.is_some());
            }
            let read = |body: &Raw| Document::read(body.get(), &wanted);
            let both = [&change.before, &change.after];
            let [before, after] = both.map(|body| body.as_ref().map(read).transpose());
            let (Ok(before), Ok(after)) = (before, after) else {
                return false;
            };
            for column in &mut self.columns {
                let held = |document: &Option<Document>| match document {
                    Some(document) => HeldValues::of(&column.source, document),
                    None => HeldValues::default(),
                };
                let (before, after) = (held(&before), held(&after));
                column.replace(number, &before, &after);
            }
            true
        })
    }
}

impl CollectionIndex {
    /// Is there anything that writes must be told to?
    pub fn is_watching(&self) -> bool {
        self.numbered.is_some() || self.pending.is_some()
    }
}
