//! Writes: checked and spelled out before they queue, then put under the guard of their versions
//! within one transaction. A write never reads what a caller decided on, and never goes back behind
//! a newer version.

use crate::{
    EmbeddedStore, Tables,
    body::raw_json,
    classify::Failure,
    row::{Change, State, Stored, columns},
    schema,
    search::field_index::IndexedChange,
    writer::{Kept, Pen},
};
use event_schema::{
    Raw,
    decision::Mark,
    mutation::RowAction,
    outcome::{LedgerEntry, Verdict},
    position::Version,
};
use rusqlite::{OptionalExtension as _, params};
use store::{DocumentWrite, ItemVerdict, RowWrite, StoreError, cell, document::Write};

/// What became of everything that [`EmbeddedStore::apply_all`] was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub writes: Vec<ItemVerdict>,
    /// Transient for all, and the mark not set, where a write did not come out as done.
    pub entries: Vec<ItemVerdict>,
    pub marked: bool,
}

/// A write as the writer's thread wants it: nothing left to check or to spell.
pub(crate) enum Prepared {
    Document(DocumentWrite),
    Row {
        number: i64,
        key: String,
        change: Change,
        time: i64,
        expires: Option<i64>,
        fresh: Stored,
    },
    /// Not to be written at all.
    Decided(ItemVerdict),
}

pub(crate) fn prepare_write(tables: &Tables, write: Write) -> Prepared {
    match write {
        Write::Document(document) => Prepared::Document(document),
        Write::Row(row) => prepare_row(tables, &row),
    }
}

fn prepare_row(tables: &Tables, row: &RowWrite) -> Prepared {
    let mutation = &row.mutation;
    let Some((number, table)) = tables.get(&mutation.key.table) else {
        let why = format!(
            "the table `{}` is not there: run `consign catalog migrate`",
            mutation.key.table
        );
        return Prepared::Decided(ItemVerdict::Transient(why));
    };
    let fitted = match cell::fit_mutation(table, mutation) {
        Ok(fitted) => fitted,
        Err(misfit) => {
            return Prepared::Decided(ItemVerdict::permanent(
                "misfit",
                format!("table `{}`, {misfit}", table.name),
            ));
        }
    };
    let change = match mutation.action {
        RowAction::Put => Change::Put(fitted.cells),
        RowAction::Merge => Change::Merge(fitted.cells),
        RowAction::Remove => Change::Remove,
    };
    let time = row.version.timestamp(row.step);
    let fresh = State::first(&change, time, mutation.expires);
    let key = serde_json::Value::Array(fitted.key).to_string();
    Prepared::Row {
        number: *number,
        key,
        change,
        time,
        expires: mutation.expires,
        fresh,
    }
}

/// One write within the transaction. `Err` gives up the whole transaction.
pub(crate) fn apply_write(pen: &mut Pen<'_>, prepared: Prepared) -> Result<ItemVerdict, Failure> {
    let done = match prepared {
        Prepared::Decided(verdict) => return Ok(verdict),
        Prepared::Document(document) => write_document(pen, &document),
        Prepared::Row {
            number,
            key,
            change,
            time,
            expires,
            fresh,
        } => write_row(pen, number, &key, (change, time, expires), &fresh),
    };
    match done {
        Err(permanent @ Failure::Permanent { .. }) => Ok(permanent.verdict()),
        other => other,
    }
}

fn write_document(pen: &mut Pen<'_>, write: &DocumentWrite) -> Result<ItemVerdict, Failure> {
    const PUT: &str = "INSERT INTO documents (place, id, version, generation, part, position, revision, request, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (place, id) DO UPDATE SET version = ?3, generation = ?4, part = ?5, position = ?6, revision = ?7, request = ?8, body = ?9
        WHERE ?3 > version";
    let (key, meta) = (&write.key, &write.meta);
    let place = pen.place(&key.index, &key.collection, &key.incarnation)?;
    let request = meta.request.to_string();
    if write.purged {
        return purge_marker(pen, write, place, &request);
    }
    pen.newest.tell(key);
    let before = standing_body(pen, place, &key.id)?;
    let changed = pen.statement(PUT)?.execute(params![
        place,
        key.id,
        sortable_version(meta.version),
        meta.position.generation,
        meta.position.partition,
        meta.position.offset.get().cast_signed(),
        meta.revision.cast_signed(),
        request,
        write.body.as_ref().map(|body| body.get()),
    ])?;
    if changed == 1 {
        if let Some(before) = before {
            note_change(pen, place, &key.id, before, write.body.clone())?;
        }
        return Ok(ItemVerdict::Done);
    }
    judge_standing(pen, write, place, &request)
}

/// A document's line and text, where it has them.
type StandingBody = Option<(i64, Option<Raw>)>;

/// What is about to be replaced; `None` where no index wants to know.
fn standing_body(pen: &mut Pen<'_>, place: i64, id: &str) -> Result<Option<StandingBody>, Failure> {
    const GET: &str = "SELECT rowid, body FROM documents WHERE place = ?1 AND id = ?2";
    if !pen.indexes.watches(place) {
        return Ok(None);
    }
    let found: Option<(i64, Option<String>)> = pen
        .statement(GET)?
        .query_row(params![place, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((row, body)) = found else {
        return Ok(Some(None));
    };
    Ok(Some(Some((row, body.map(raw_json).transpose()?))))
}

/// Indexes take it over when it is committed.
fn note_change(
    pen: &mut Pen<'_>,
    place: i64,
    id: &str,
    before: StandingBody,
    after: Option<Raw>,
) -> Result<(), Failure> {
    let (row, before) = match before {
        Some(standing) => standing,
        None => (pen.connection.last_insert_rowid(), None),
    };
    let change = IndexedChange {
        row,
        id: id.to_owned(),
        before,
        after,
        is_gone: false,
    };
    pen.changes.push((place, change));
    Ok(())
}

/// Nothing older is left, and no marker.
fn purge_marker(
    pen: &mut Pen<'_>,
    write: &DocumentWrite,
    place: i64,
    request: &str,
) -> Result<ItemVerdict, Failure> {
    const REMOVE: &str = "DELETE FROM documents WHERE place = ?1 AND id = ?2 AND version < ?3";
    let version = sortable_version(write.meta.version);
    let before = standing_body(pen, place, &write.key.id)?;
    let changed = pen
        .statement(REMOVE)?
        .execute(params![place, write.key.id, version])?;
    if changed == 1 {
        if let Some(Some((row, before))) = before {
            let id = write.key.id.clone();
            let change = IndexedChange {
                row,
                id,
                before,
                after: None,
                is_gone: true,
            };
            pen.changes.push((place, change));
        }
        return Ok(ItemVerdict::Done);
    }
    judge_standing(pen, write, place, request)
}

/// Nothing was written: because something newer stands, or nothing does, or the same version.
fn judge_standing(
    pen: &Pen<'_>,
    write: &DocumentWrite,
    place: i64,
    request: &str,
) -> Result<ItemVerdict, Failure> {
    let DocumentWrite { key, meta, .. } = write;
    let mut standing = pen
        .connection
        .prepare_cached("SELECT version, request FROM documents WHERE place = ? AND id = ?")?;
    let found: Option<(i64, String)> = standing
        .query_row(params![place, key.id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        Some((version, other)) if version == sortable_version(meta.version) && other != request => {
            ItemVerdict::Alarm(format!(
                "{key} stands at version {} by request {other}, and request {request} claims the same version",
                meta.version
            ))
        }
        Some(_) | None => ItemVerdict::Done,
    })
}

fn write_row(
    pen: &mut Pen<'_>,
    number: i64,
    key: &str,
    (change, time, expires): (Change, i64, Option<i64>),
    fresh: &Stored,
) -> Result<ItemVerdict, Failure> {
    const NEW: &str =
        "INSERT INTO rows (number, key, newest, cleared, marker, expires, cells, older) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (number, key) DO NOTHING";
    const OLD: &str = "UPDATE rows SET newest = ?3, cleared = ?4, marker = ?5, expires = ?6, cells = ?7, older = ?8 WHERE number = ?1 AND key = ?2";
    let save = |pen: &mut Pen<'_>, sql: &'static str, row: &Stored| {
        pen.statement(sql)?.execute(params![
            number,
            key,
            row.newest,
            row.cleared,
            row.marker,
            row.expires,
            row.cells,
            row.older
        ])
    };
    if save(pen, NEW, fresh)? == 1 {
        return Ok(ItemVerdict::Done);
    }
    let stored = columns::read_row(pen.connection, number, key)?
        .ok_or_else(|| Failure::Damaged(format!("the row {key} is there and is not")))?;
    let before = stored
        .state()
        .map_err(|error| Failure::Damaged(format!("the row {key}: {error}")))?;
    let mut after = before.clone();
    after.apply(change, time, expires);
    if after != before {
        save(pen, OLD, &after.store())?;
    }
    Ok(ItemVerdict::Done)
}

/// Versions stay far below 2^63.
fn sortable_version(version: Version) -> i64 {
    version.0.cast_signed()
}

/// An entry as it is kept: by what, at which version, and its text.
pub(crate) struct Line {
    unique: [u8; 16],
    version: i64,
    text: String,
}

pub(crate) fn ledger_line(entry: &LedgerEntry) -> Line {
    let text = serde_json::to_string(entry).expect("an entry is plain JSON");
    Line {
        unique: entry.request.unique(),
        version: sortable_version(entry.version),
        text,
    }
}

/// A dead letter is written once: whoever applies again finds by the ledger that it was.
pub(crate) fn needed_durability(entries: &[&LedgerEntry]) -> Kept {
    if entries
        .iter()
        .any(|entry| matches!(entry.verdict, Verdict::DeadLettered(_)))
    {
        Kept::OnDisk
    } else {
        Kept::InOrder
    }
}

pub(crate) fn write_lines(pen: &Pen<'_>, lines: &[Line]) -> Result<(), Failure> {
    const PUT: &str = "INSERT INTO ledger (request, version, entry) VALUES (?1, ?2, ?3)
        ON CONFLICT (request) DO UPDATE SET version = ?2, entry = ?3 WHERE ?2 > version";
    let mut put = pen.connection.prepare_cached(PUT)?;
    for line in lines {
        put.execute(params![line.unique, line.version, line.text])?;
    }
    Ok(())
}

pub(crate) fn set_mark(pen: &Pen<'_>, mark: &Mark) -> Result<(), Failure> {
    const PUT: &str = "INSERT INTO marks (generation, part, through, epoch, next, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (generation, part) DO UPDATE SET through = ?3, epoch = ?4, next = ?5, mark = ?6
        WHERE (?3, ?4, ?5) > (through, epoch, next)";
    let text = serde_json::to_string(mark).expect("a mark is plain JSON");
    let numbers = [
        mark.through.get(),
        mark.epoch.opened_at().get(),
        mark.next.get(),
    ]
    .map(u64::cast_signed);
    pen.connection.prepare_cached(PUT)?.execute(params![
        mark.generation,
        mark.partition,
        numbers[0],
        numbers[1],
        numbers[2],
        text
    ])?;
    Ok(())
}

impl EmbeddedStore {
    /// Documents, rows, ledger and mark of a batch in ONE transaction: one wait for the disk
    /// instead of three. Where a write is not done, the others stand all the same, but no entry is
    /// remembered and the mark is not set: the ledger never tells what is not there.
    pub async fn apply_all(
        &self,
        writes: Vec<Write>,
        entries: &[&LedgerEntry],
        mark: Option<&Mark>,
    ) -> Applied {
        let (write_count, entry_count) = (writes.len(), entries.len());
        let prepared: Vec<Prepared> = {
            let tables = self.inner.tables.read();
            writes
                .into_iter()
                .map(|write| prepare_write(&tables, write))
                .collect()
        };
        let kept = needed_durability(entries);
        let lines: Vec<Line> = entries.iter().map(|entry| ledger_line(entry)).collect();
        let mark = mark.cloned();
        let job = move |pen: &mut Pen<'_>| {
            let verdicts = prepared
                .into_iter()
                .map(|one| apply_write(pen, one))
                .collect::<Result<Vec<_>, _>>()?;
            let all_done = verdicts.iter().all(|verdict| *verdict == ItemVerdict::Done);
            if all_done {
                write_lines(pen, &lines)?;
                mark.as_ref().map_or(Ok(()), |mark| set_mark(pen, mark))?;
            }
            let held = || {
                ItemVerdict::Transient(
                    "held back: a write of the same batch did not come out as done".to_owned(),
                )
            };
            let entries = lines
                .iter()
                .map(|_| if all_done { ItemVerdict::Done } else { held() })
                .collect();
            Ok(Applied {
                writes: verdicts,
                entries,
                marked: all_done && mark.is_some(),
            })
        };
        self.inner
            .writer
            .run(kept, job)
            .await
            .unwrap_or_else(|failure| {
                let verdict = failure.verdict();
                Applied {
                    writes: vec![verdict.clone(); write_count],
                    entries: vec![verdict; entry_count],
                    marked: false,
                }
            })
    }

    /// Waits until everything that was answered before is on the disk.
    pub(crate) async fn sync(&self) -> Result<(), StoreError> {
        // A transaction without a change is not synced, so this one has one: the format is written
        // again as it stands.
        let job = |pen: &mut Pen<'_>| {
            Ok(pen
                .connection
                .pragma_update(None, "user_version", schema::FORMAT)?)
        };
        Ok(self.inner.writer.run(Kept::OnDisk, job).await?)
    }

    pub(crate) async fn write_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        let mark = mark.clone();
        Ok(self
            .inner
            .writer
            .run(Kept::InOrder, move |pen| set_mark(pen, &mark))
            .await?)
    }
}
