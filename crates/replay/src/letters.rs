//! The dead letters that are held: all of them as lines, one of them whole.

use crate::{DeadLetterFilter, DeadLetterLine, ReplayError};
use event_schema::{
    cause_fingerprint,
    codec::rfc3339,
    decision::OriginalRecord,
    held::{self, HeldEvent, HeldKind, HeldMode, HeldPlace, KeyLock, LockState},
    id::{EntityKey, RequestId},
    mutation::RowKey,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use store::{Record, document::RowScan};

/// Rows that are read at a time.
const PAGE: usize = 500;

/// A dead letter, and the queue that it is in.
#[derive(Clone, Debug)]
pub struct HeldLetter {
    pub key: EntityKey,
    pub lock: KeyLock,
    pub place: HeldPlace,
    pub held: HeldEvent,
    pub event: OriginalRecord,
}

impl HeldLetter {
    pub fn line(&self) -> DeadLetterLine {
        let held = &self.held;
        let reason = held.reason();
        let last = held.history.last();
        DeadLetterLine {
            request_id: held.request.to_string(),
            key: self.key.0.clone(),
            operation: held.operation.clone(),
            code: reason.map_or_else(String::new, |reason| reason.code.clone()),
            fingerprint: reason.map_or_else(String::new, |reason| {
                cause_fingerprint(&held.operation, reason)
            }),
            store: reason.and_then(|reason| reason.store.clone()),
            message: reason.map_or_else(String::new, |reason| reason.message.clone()),
            time: rfc3339(last.map_or(held.since, |failed| failed.time)),
            attempts: held.attempts,
            waiting: self.waiting(),
            overtaken: self.is_overtaken(),
        }
    }

    /// The value that stood in the log.
    fn event_bytes(&self) -> Vec<u8> {
        let parts = self.event.parts().ok();
        let value = parts.and_then(|parts| parts.value);
        value.map_or_else(Vec::new, |value| value.to_vec())
    }

    /// How many events are parked behind it.
    pub fn waiting(&self) -> u64 {
        if self.place.is_open() {
            0
        } else {
            self.lock.waiting.saturating_sub(1)
        }
    }

    pub fn is_overtaken(&self) -> bool {
        let at =
            |position: &event_schema::position::Position| (position.generation, position.offset);
        let overtaken = self.lock.overtaken.as_ref();
        self.place.is_open() && overtaken.is_some_and(|by| at(by) > at(&self.held.position))
    }
}

/// Every dead letter that the filter takes, as `keep` takes it, in the order in which they failed
/// last.
///
/// # Errors
/// If the record store cannot be read, or holds what is no dead letter.
pub async fn dead_letters<T>(
    record: &dyn Record,
    filter: &DeadLetterFilter,
    keep: impl Fn(HeldLetter) -> T,
) -> Result<Vec<T>, ReplayError> {
    let mut kept = Vec::new();
    let mut take = |letter: HeldLetter| {
        let line = letter.line();
        if filter.takes(&line, &letter.event_bytes()) {
            let failed = letter.held.history.last().map(|failed| failed.time);
            kept.push((failed, line.request_id, keep(letter)));
        }
    };
    if filter.requests.is_empty() {
        for bucket in filter_buckets(filter) {
            let locks = scan_rows(record, held::LOCKS, held::bucket_key(bucket), None).await?;
            for some in locks.chunks(PAGE) {
                let letters = letters_of(record, some, filter).await?;
                letters.into_iter().for_each(&mut take);
            }
        }
    } else {
        // Each is found by itself: there may be very many others. What is no id names none.
        let ids = filter
            .requests
            .iter()
            .filter_map(|id| RequestId::parse_trusted(id).ok());
        for id in ids.collect::<BTreeSet<RequestId>>() {
            dead_letter(record, id)
                .await?
                .into_iter()
                .for_each(&mut take);
        }
    }
    kept.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    Ok(kept.into_iter().map(|(.., kept)| kept).collect())
}

/// Those that may hold what the filter takes.
fn filter_buckets(filter: &DeadLetterFilter) -> std::ops::Range<u16> {
    match &filter.key {
        Some(key) => {
            let bucket = held::key_bucket(&EntityKey(key.clone()));
            bucket..bucket + 1
        }
        None => 0..held::BUCKETS,
    }
}

/// The dead letters of some queues.
pub(crate) async fn letters_of(
    record: &dyn Record,
    locks: &[(RowKey, Map<String, Value>)],
    filter: &DeadLetterFilter,
) -> Result<Vec<HeldLetter>, ReplayError> {
    let (mut letters, mut heads) = (Vec::new(), Vec::new());
    for (row, cells) in locks {
        let (key, lock) = held::read_lock(row, cells)?;
        if filter.key.as_ref().is_some_and(|asked| *asked != key.0) {
            continue;
        }
        if lock.open > 0 {
            open_letters(record, &key, &lock, &mut letters).await?;
        }
        if let (LockState::Locked, Some(head)) = (lock.state, lock.head.clone()) {
            heads.push((key, lock, head));
        }
    }
    let rows = heads.iter().map(|(key, _, head)| held::held_key(key, head));
    let found = record.rows(&rows.collect::<Vec<_>>()).await?;
    for ((key, lock, place), row) in heads.iter().zip(found) {
        // It may have been moved since the lock was read.
        let Some(row) = row else { continue };
        letters.extend(held_letter(key, lock, place, &row.cells)?);
    }
    Ok(letters)
}

/// The dead letters of a key that do not lock it.
async fn open_letters(
    record: &dyn Record,
    key: &EntityKey,
    lock: &KeyLock,
    letters: &mut Vec<HeldLetter>,
) -> Result<(), ReplayError> {
    let after = Some(HeldPlace::before_open().as_str().to_owned());
    for (row, cells) in scan_rows(record, held::HELD, held::queue_key(key), after).await? {
        let place = held::read_place(&row)?;
        letters.extend(held_letter(key, lock, &place, &cells)?);
    }
    Ok(())
}

/// The dead letter of a request; `None` if it is none now.
///
/// # Errors
/// As of [`dead_letters`].
pub async fn dead_letter(
    record: &dyn Record,
    request: RequestId,
) -> Result<Option<HeldLetter>, ReplayError> {
    let Some(entry) = record
        .ledger(&[request])
        .await?
        .into_iter()
        .flatten()
        .next()
    else {
        return Ok(None);
    };
    let key = &entry.key;
    let lock_key = held::lock_key(key);
    let places =
        [HeldMode::Strict, HeldMode::Open].map(|mode| HeldPlace::of(mode, &entry.position));
    let rows = [
        lock_key.clone(),
        held::held_key(key, &places[0]),
        held::held_key(key, &places[1]),
    ];
    let mut found = record.rows(&rows).await?.into_iter();
    let Some(lock) = found.next().flatten() else {
        return Ok(None);
    };
    let (_, lock) = held::read_lock(&lock_key, &lock.cells)?;
    for (place, row) in places.iter().zip(found) {
        if let Some(row) = row
            && let Some(letter) = held_letter(key, &lock, place, &row.cells)?
        {
            return Ok(Some(letter));
        }
    }
    Ok(None)
}

fn held_letter(
    key: &EntityKey,
    lock: &KeyLock,
    place: &HeldPlace,
    cells: &Map<String, Value>,
) -> Result<Option<HeldLetter>, ReplayError> {
    let held = held::read_held(cells)?;
    let event = held::read_original(cells)?;
    Ok((held.kind == HeldKind::Dead).then(|| HeldLetter {
        key: key.clone(),
        lock: lock.clone(),
        place: place.clone(),
        held,
        event,
    }))
}

/// All rows of a partition, from behind `after` on.
pub(crate) async fn scan_rows(
    record: &dyn Record,
    table: &str,
    partition: Map<String, Value>,
    after: Option<String>,
) -> Result<Vec<(RowKey, Map<String, Value>)>, ReplayError> {
    let mut scan = RowScan {
        table: table.to_owned(),
        partition,
        after,
        limit: PAGE,
    };
    let mut rows = Vec::new();
    loop {
        let page = record.scan_rows(&scan).await?;
        let is_last = page.len() < PAGE;
        for (key, row) in page {
            let last = ["place", "key"].iter().find_map(|name| key.key.get(*name));
            scan.after = last.and_then(Value::as_str).map(str::to_owned);
            rows.push((key, row.cells));
        }
        if is_last {
            return Ok(rows);
        }
    }
}
