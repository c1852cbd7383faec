//! The queue of an entity key, as the record store has it now: what a parked request waits for. What
//! the ledger says of that is how it was when the request was parked.

use crate::{
    app::App,
    error::{Code, Problem},
};
use event_schema::{
    held::{self, KeyLock, LockState},
    id::{EntityKey, RequestId},
};

/// A key's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyQueue {
    /// The dead letter at its head; none: its owner is deciding what waits, or nothing does.
    pub behind: Option<RequestId>,
    /// How many events wait in it, its dead letter not counted.
    pub waiting: u64,
}

impl KeyQueue {
    pub(crate) async fn read(app: &App, key: &EntityKey) -> Result<Self, Problem> {
        let rows = app.ports.record.rows(&[held::lock_key(key)]).await?;
        let Some(row) = rows.into_iter().flatten().next() else {
            return Ok(Self::default());
        };
        let lock = held::read_lock(&held::lock_key(key), &row.cells);
        let (_, lock) = lock.map_err(|error| Problem::new(Code::Damaged, error.to_string()))?;
        Ok(Self::of(&lock))
    }

    fn of(lock: &KeyLock) -> Self {
        let has_dead_head = lock.state == LockState::Locked;
        Self {
            behind: lock.behind.filter(|_| has_dead_head),
            waiting: lock.waiting.saturating_sub(u64::from(has_dead_head)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyQueue;
    use event_schema::{
        held::{KeyLock, LockState},
        id::RequestId,
        signing::Keyring,
    };

    /// While a queue drains, its row names the event that left it last: nothing waits for that.
    #[test]
    fn only_a_dead_head_is_waited_for() {
        let keys = Keyring::new(1, *b"0123456789abcdef");
        let dead = RequestId::mint(&keys, 1, 0, [1; 16]);
        let queue = |state| {
            KeyQueue::of(&KeyLock {
                state,
                behind: Some(dead),
                waiting: 3,
                ..KeyLock::default()
            })
        };
        let locked = queue(LockState::Locked);
        assert_eq!((locked.behind, locked.waiting), (Some(dead), 2));
        let draining = queue(LockState::Draining);
        assert_eq!((draining.behind, draining.waiting), (None, 3));
    }
}
