//! The queues of the partition's keys as they are decided: which keys are locked, which drain, how
//! far what is parked is applied. The rows of the stores are read once, when the partition is
//! taken; from then on only this owner moves them. Pure. It must never take an empty answer of a
//! store for an empty queue.

use change_feed::{HeldRow, HoldingStep};
use event_schema::{
    held::{HeldPlace, KeyLock, LockState},
    id::EntityKey,
    mutation::RowMutation,
};
use std::collections::{HashMap, VecDeque};

/// Every key under which something is held.
#[derive(Default)]
pub(crate) struct KeyQueues {
    keys: HashMap<EntityKey, KeyQueue>,
    /// Keys that drain, each in its turn.
    turns: VecDeque<EntityKey>,
    /// What batches parked that may not be applied yet, oldest first.
    parked: VecDeque<(u64, EntityKey, HeldPlace)>,
    /// What is held by batches that may not be applied yet: its row may be there already, while the
    /// ledger says less.
    changed: HashMap<(EntityKey, HeldPlace), u64>,
}

struct KeyQueue {
    lock: KeyLock,
    /// Everything parked up to here is in the store.
    settled: Option<HeldPlace>,
}

/// What of a key can be decided now: what stands behind `after`, up to `through`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrainTurn {
    pub key: EntityKey,
    pub after: HeldPlace,
    pub through: HeldPlace,
    pub limit: usize,
}

/// Why what was read is not the queue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the queue of the key `{key}` is broken: {found} follows {after}, and {expected}: a record of it was lost"
)]
pub(crate) struct BrokenQueue {
    key: EntityKey,
    after: HeldPlace,
    found: String,
    expected: String,
}

/// Keys that are read at a time, and events of each.
const KEYS: usize = 64;
const OF_EACH: usize = 20;

impl KeyQueues {
    /// As the rows stand when all that was decided is applied.
    pub fn stored(locks: impl IntoIterator<Item = (EntityKey, KeyLock)>) -> Self {
        let mut queues = Self::default();
        for (key, lock) in locks {
            if lock.state == LockState::Draining {
                queues.turns.push_back(key.clone());
            }
            let settled = lock.tail.clone();
            queues.keys.insert(key, KeyQueue { lock, settled });
        }
        queues
    }

    /// The queue of a key, if anything is held under it.
    pub fn lock(&self, key: &EntityKey) -> Option<&KeyLock> {
        self.keys.get(key).map(|queue| &queue.lock)
    }

    /// The queue of a key that parks what comes.
    pub fn parking(&self, key: &EntityKey) -> Option<&KeyLock> {
        self.lock(key).filter(|lock| lock.parks())
    }

    /// May this event of a queue be decided now?
    pub fn is_next(&self, key: &EntityKey, row: &HeldRow) -> bool {
        if row.place.is_open() {
            return true;
        }
        self.lock(key).is_some_and(|lock| match lock.state {
            LockState::Locked => lock.head.as_ref() == Some(&row.place),
            LockState::Draining => lock.head == row.held.prev,
            LockState::Free => false,
        })
    }

    /// Do the row of this event and the ledger say all that was decided of it?
    pub fn is_settled(&self, key: &EntityKey, place: &HeldPlace) -> bool {
        self.changed.is_empty() || !self.changed.contains_key(&(key.clone(), place.clone()))
    }

    /// Moves a key's queue by one decision of a batch.
    pub fn step(
        &mut self,
        key: &EntityKey,
        batch: u64,
        act: impl FnOnce(HoldingStep<'_>) -> Vec<RowMutation>,
    ) -> Vec<RowMutation> {
        let queue = self.keys.remove(key);
        let mut queue = queue.unwrap_or_else(|| KeyQueue {
            lock: KeyLock::default(),
            settled: None,
        });
        let (state, tail) = (queue.lock.state, queue.lock.tail.clone());
        let rows = act(HoldingStep {
            key,
            lock: &mut queue.lock,
        });
        let lock = &queue.lock;
        if let Some(place) = lock.tail.as_ref().filter(|_| lock.tail != tail) {
            self.parked.push_back((batch, key.clone(), place.clone()));
        }
        for place in rows.iter().filter_map(changed_place) {
            self.changed.insert((key.clone(), place), batch);
        }
        if state != LockState::Draining && lock.state == LockState::Draining {
            self.turns.push_back(key.clone());
        }
        if !lock.is_empty() {
            self.keys.insert(key.clone(), queue);
        }
        rows
    }

    /// Batches up to this one are applied.
    pub fn settle(&mut self, batch: u64) {
        while let Some((_, key, place)) = self.parked.pop_front_if(|(parked, ..)| *parked <= batch)
        {
            if let Some(queue) = self.keys.get_mut(&key) {
                queue.settled = Some(place);
            }
        }
        if !self.changed.is_empty() {
            self.changed.retain(|_, changed| *changed > batch);
        }
    }

    /// Is there something parked that can be decided?
    pub fn can_drain(&self) -> bool {
        self.turns
            .iter()
            .any(|key| self.next_turn(key, 1).is_some())
    }

    fn next_turn(&self, key: &EntityKey, limit: usize) -> Option<DrainTurn> {
        let KeyQueue { lock, settled } = self.keys.get(key)?;
        let (after, through) = (lock.head.clone()?, settled.clone()?);
        let drains = lock.state == LockState::Draining && after < through;
        drains.then(|| DrainTurn {
            key: key.clone(),
            after,
            through,
            limit: limit.min(usize::try_from(lock.waiting).unwrap_or(limit)),
        })
    }

    /// Keys whose turn was not made use of.
    pub fn put_first(&mut self, keys: Vec<EntityKey>) {
        if !keys.is_empty() {
            self.turns.retain(|key| !keys.contains(key));
            keys.into_iter()
                .rev()
                .for_each(|key| self.turns.push_front(key));
        }
    }

    /// Whose turn it is, for about so many events; each key comes to the end of the line.
    pub fn next_turns(&mut self, events: usize) -> Vec<DrainTurn> {
        let (mut turns, mut left) = (Vec::new(), events);
        for _ in 0..self.turns.len() {
            if left == 0 || turns.len() >= KEYS {
                break;
            }
            let Some(key) = self.turns.pop_front() else {
                break;
            };
            let drains = |lock: &KeyLock| lock.state == LockState::Draining;
            if !self.lock(&key).is_some_and(drains) {
                continue;
            }
            if let Some(turn) = self.next_turn(&key, OF_EACH.min(left)) {
                left -= turn.limit;
                turns.push(turn);
            }
            self.turns.push_back(key);
        }
        turns
    }
}

/// The place that this row fills, changes or empties.
fn changed_place(row: &RowMutation) -> Option<HeldPlace> {
    use event_schema::held;
    let is_held = row.key.table == held::HELD;
    is_held.then(|| held::read_place(&row.key).ok()).flatten()
}

impl DrainTurn {
    /// The rows of this turn, if they are the queue without a gap.
    ///
    /// # Errors
    /// If something of it is missing.
    pub fn check(&self, mut rows: Vec<HeldRow>) -> Result<Vec<HeldRow>, BrokenQueue> {
        let broken = |after: &HeldPlace, found: String, expected: String| BrokenQueue {
            key: self.key.clone(),
            after: after.clone(),
            found,
            expected,
        };
        let was_cut = rows.len() >= self.limit;
        rows.retain(|row| row.place <= self.through);
        let mut after = &self.after;
        for row in &rows {
            if row.held.prev.as_ref() != Some(after) {
                let expected = match &row.held.prev {
                    Some(prev) => format!("was put there behind {prev}"),
                    None => "was put there as the first".to_owned(),
                };
                return Err(broken(after, row.place.to_string(), expected));
            }
            after = &row.place;
        }
        if !was_cut && *after != self.through {
            let expected = format!("{} was parked", self.through);
            return Err(broken(after, "nothing".to_owned(), expected));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
