//! The queues of all keys, as far as whoever accepts writes must know them.

use crate::{ReplayError, letters::scan};
use event_schema::{
    held::{self, LockState},
    id::EntityKey,
};
use store::Record;

/// Keys behind whose dead letter more events wait than this.
///
/// # Errors
/// If the record store cannot be read, or holds what is no queue.
pub async fn full_keys(record: &dyn Record, limit: u64) -> Result<Vec<EntityKey>, ReplayError> {
    let mut full = Vec::new();
    for bucket in 0..held::BUCKETS {
        for (row, cells) in scan(record, held::LOCKS, held::bucket_key(bucket), None).await? {
            let (key, lock) = held::read_lock(&row, &cells)?;
            let parked = lock.waiting.saturating_sub(1);
            if lock.state != LockState::Free && parked >= limit {
                full.push(key);
            }
        }
    }
    Ok(full)
}
