//! The dead letters that are held: all of them as lines, one of them whole.

use crate::{DeadLetterFilter, DeadLetterLine, ReplayError};
use event_schema::{
    cause_fingerprint,
    codec::rfc3339,
    decision::OriginalRecord,
    held::{self, HeldEvent, HeldKind, HeldMode, HeldPlace, KeyLock, LockState},
    id::{EntityKey, RequestId},
    mutation::RowKey,
    outcome::LedgerEntry,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use store::{
    Record,
    document::{RowScan, StoredRow},
};

/// Rows that are read at a time.
const PAGE: usize = 500;
/// Letters that are read at a time, with their events.
const LETTERS: usize = 64;

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
        let ids: Vec<RequestId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        for some in ids.chunks(LETTERS) {
            let letters = letters_of_requests(record, some).await?;
            letters.into_iter().flatten().for_each(&mut take);
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
    let mut found = letters_of_requests(record, &[request]).await?;
    Ok(found.pop().flatten())
}

/// The dead letter of each request, in their order; `None` for one that is none now. Read in two
/// calls of the store, however many they are.
///
/// # Errors
/// As of [`dead_letters`].
pub async fn letters_of_requests(
    record: &dyn Record,
    requests: &[RequestId],
) -> Result<Vec<Option<HeldLetter>>, ReplayError> {
    let entries = record.ledger(requests).await?;
    let places = entries.into_iter().map(|entry| entry.map(LetterPlaces::of));
    find_letters(record, places.collect()).await
}

/// The dead letter at each place of a key's queue, in their order; `None` where there is none now.
/// What was held a moment ago is found here before the ledger knows of it.
///
/// # Errors
/// As of [`dead_letters`].
pub async fn letters_at(
    record: &dyn Record,
    places: &[(EntityKey, HeldPlace)],
) -> Result<Vec<Option<HeldLetter>>, ReplayError> {
    let places = places.iter().map(|(key, place)| {
        Some(LetterPlaces {
            key: key.clone(),
            places: vec![place.clone()],
        })
    });
    find_letters(record, places.collect()).await
}

/// Where one dead letter is, if there is one.
struct LetterPlaces {
    key: EntityKey,
    places: Vec<HeldPlace>,
}

impl LetterPlaces {
    /// As one that locks its key, and as one that does not.
    fn of(entry: LedgerEntry) -> Self {
        let modes = [HeldMode::Strict, HeldMode::Open];
        let places = modes.map(|mode| HeldPlace::of(mode, &entry.position));
        Self {
            places: places.to_vec(),
            key: entry.key,
        }
    }

    /// The key's lock, then the places.
    fn rows(&self) -> impl Iterator<Item = RowKey> {
        let places = self.places.iter();
        let held = places.map(|place| held::held_key(&self.key, place));
        std::iter::once(held::lock_key(&self.key)).chain(held)
    }
}

/// The first at the places of each.
async fn find_letters(
    record: &dyn Record,
    asked: Vec<Option<LetterPlaces>>,
) -> Result<Vec<Option<HeldLetter>>, ReplayError> {
    let rows: Vec<RowKey> = asked
        .iter()
        .flatten()
        .flat_map(LetterPlaces::rows)
        .collect();
    let mut found = record.rows(&rows).await?.into_iter();
    let mut letters = Vec::with_capacity(asked.len());
    for asked in asked {
        let Some(LetterPlaces { key, places }) = asked else {
            letters.push(None);
            continue;
        };
        let lock = found.next().flatten();
        let held = found.by_ref().take(places.len());
        let held: Vec<Option<StoredRow>> = held.collect();
        let mut letter = None;
        if let Some(lock) = lock {
            let (_, lock) = held::read_lock(&held::lock_key(&key), &lock.cells)?;
            for (place, row) in places.iter().zip(held) {
                if let (None, Some(row)) = (&letter, row) {
                    letter = held_letter(&key, &lock, place, &row.cells)?;
                }
            }
        }
        letters.push(letter);
    }
    Ok(letters)
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
