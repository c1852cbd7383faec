//! The queues of all keys, as far as whoever accepts writes must know them.

use crate::{
    DeadLetterFilter, DeadLetterLine, ReplayError,
    letters::{letters_of, scan_rows},
};
use event_schema::{
    held::{self, LockState},
    id::EntityKey,
};
use serde::Serialize;
use store::Record;

/// Queues whose dead letters are read together.
const TOGETHER: usize = 64;

/// How much is held, of all keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeldCounts {
    /// Keys of which something is held.
    pub keys: u64,
    /// Of those: whose head is dead.
    pub locked: u64,
    /// Of those: whose parked events are being decided.
    pub draining: u64,
    /// Dead letters.
    pub dead: u64,
    /// Events that wait behind one.
    pub parked: u64,
}

/// How much is held, and some of the dead letters.
#[derive(Clone, Debug, Default)]
pub struct HeldOverview {
    pub counts: HeldCounts,
    pub letters: Vec<DeadLetterLine>,
}

/// Counts what is held by the queues alone, and reads about so many of its dead letters.
///
/// # Errors
/// If the record store cannot be read, or holds what is no queue.
pub async fn held_overview(
    record: &dyn Record,
    letters: usize,
) -> Result<HeldOverview, ReplayError> {
    let mut overview = HeldOverview::default();
    let all = DeadLetterFilter::default();
    for bucket in 0..held::BUCKETS {
        let locks = scan_rows(record, held::LOCKS, held::bucket_key(bucket), None).await?;
        for (row, cells) in &locks {
            let (_, lock) = held::read_lock(row, cells)?;
            let heads = u64::from(lock.state == LockState::Locked);
            let counts = &mut overview.counts;
            counts.keys += 1;
            counts.locked += heads;
            counts.draining += u64::from(lock.state == LockState::Draining);
            counts.dead += heads + lock.open;
            counts.parked += lock.waiting.saturating_sub(heads);
        }
        for some in locks.chunks(TOGETHER) {
            let left = letters.saturating_sub(overview.letters.len());
            if left == 0 {
                break;
            }
            let read = letters_of(record, some, &all).await?;
            let lines = read.iter().take(left).map(|letter| letter.line());
            overview.letters.extend(lines);
        }
    }
    Ok(overview)
}

/// Keys whose parked events are being decided.
///
/// # Errors
/// If the record store cannot be read, or holds what is no queue.
pub async fn draining_keys(record: &dyn Record) -> Result<Vec<EntityKey>, ReplayError> {
    let mut draining = Vec::new();
    for bucket in 0..held::BUCKETS {
        for (row, cells) in scan_rows(record, held::LOCKS, held::bucket_key(bucket), None).await? {
            let (key, lock) = held::read_lock(&row, &cells)?;
            if lock.state == LockState::Draining {
                draining.push(key);
            }
        }
    }
    Ok(draining)
}

/// Keys behind whose dead letter so many events wait, or more.
///
/// # Errors
/// If the record store cannot be read, or holds what is no queue.
pub async fn full_keys(record: &dyn Record, limit: u64) -> Result<Vec<EntityKey>, ReplayError> {
    let mut full = Vec::new();
    for bucket in 0..held::BUCKETS {
        for (row, cells) in scan_rows(record, held::LOCKS, held::bucket_key(bucket), None).await? {
            let (key, lock) = held::read_lock(&row, &cells)?;
            let parked = lock.waiting.saturating_sub(1);
            if lock.state != LockState::Free && parked >= limit {
                full.push(key);
            }
        }
    }
    Ok(full)
}
