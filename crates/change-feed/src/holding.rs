//! How a record of `changes` moves the queue of its entity key: parked, held as a dead letter,
//! failed once more, released. Each step changes the queue in memory and says which rows change
//! with it, so that whoever decides and whoever writes agree. Pure.

use event_schema::{
    decision::OriginalRecord,
    held::{
        FailedAttempt, HELD, HeldEvent, HeldMode, HeldPlace, KeyLock, LOCKS, LockState, held_cells,
        move_held, move_lock,
    },
    id::EntityKey,
    mutation::{RowAction, RowMutation},
    position::Position,
};
use serde_json::{Map, Value};

/// A key's queue while one decision moves it.
#[derive(Debug)]
pub struct HoldingStep<'a> {
    pub key: &'a EntityKey,
    pub lock: &'a mut KeyLock,
}

/// A held event as its row stands.
#[derive(Clone, Debug)]
pub struct HeldRow {
    pub place: HeldPlace,
    pub held: HeldEvent,
    pub event: OriginalRecord,
    /// The row itself, for the reverse change.
    pub cells: Map<String, Value>,
}

impl HoldingStep<'_> {
    /// Puts an event behind all that waits.
    pub fn park(self, mut held: HeldEvent, event: &OriginalRecord) -> Vec<RowMutation> {
        let before = self.lock.clone();
        let place = HeldPlace::of(HeldMode::Strict, &held.position);
        held.prev.clone_from(&self.lock.tail);
        self.lock.tail = Some(place.clone());
        self.lock.waiting += 1;
        let cells = held_cells(&held, event);
        vec![
            move_held(self.key, &place, None, Some(cells)),
            move_lock(self.key, &before, self.lock),
        ]
    }

    /// Holds an event that just died, and locks the key if later events must not overtake it.
    pub fn hold(
        self,
        mode: HeldMode,
        mut held: HeldEvent,
        failed: FailedAttempt,
        event: &OriginalRecord,
    ) -> Vec<RowMutation> {
        let before = self.lock.clone();
        let place = HeldPlace::of(mode, &held.position);
        held.fail(failed);
        match mode {
            HeldMode::Strict => {
                self.lock.state = LockState::Locked;
                self.lock.head = Some(place.clone());
                self.lock.behind = Some(held.request);
                self.lock.tail = Some(place.clone());
                self.lock.waiting += 1;
            }
            HeldMode::Open => self.lock.add_open(&held.position),
        }
        let cells = held_cells(&held, event);
        vec![
            move_held(self.key, &place, None, Some(cells)),
            move_lock(self.key, &before, self.lock),
        ]
    }

    /// A held event was decided, and is dead (again). In a queue that locks its key it is the head
    /// from now on, unless nothing need wait for it.
    pub fn fail(self, row: &HeldRow, mode: HeldMode, failed: FailedAttempt) -> Vec<RowMutation> {
        let before = self.lock.clone();
        let (mut held, event) = (row.held.clone(), &row.event);
        held.fail(failed);
        if row.place.is_open() || mode == HeldMode::Strict {
            if !row.place.is_open() {
                self.lock.state = LockState::Locked;
                self.lock.head = Some(row.place.clone());
                self.lock.behind = Some(held.request);
            }
            let after = held_cells(&held, event);
            let held = move_held(self.key, &row.place, Some(row.cells.clone()), Some(after));
            return vec![held, move_lock(self.key, &before, self.lock)];
        }
        held.prev = None;
        let open = HeldPlace::of(HeldMode::Open, &held.position);
        self.lock.leave(row);
        self.lock.add_open(&held.position);
        let after = held_cells(&held, event);
        vec![
            move_held(self.key, &row.place, Some(row.cells.clone()), None),
            move_held(self.key, &open, None, Some(after)),
            move_lock(self.key, &before, self.lock),
        ]
    }

    /// A held event has its verdict, or was given up: what waits behind it is decided next.
    pub fn release(self, row: &HeldRow) -> Vec<RowMutation> {
        let before = self.lock.clone();
        if row.place.is_open() {
            self.lock.open = self.lock.open.saturating_sub(1);
            if self.lock.open == 0 {
                (self.lock.open_through, self.lock.overtaken) = (None, None);
            }
        } else {
            self.lock.leave(row);
        }
        vec![
            move_held(self.key, &row.place, Some(row.cells.clone()), None),
            move_lock(self.key, &before, self.lock),
        ]
    }

    /// An event of the key is applied: dead letters that do not lock it are overtaken. Written once
    /// for each.
    pub fn overtake(self, position: &Position) -> Option<RowMutation> {
        let is_news = self.lock.open > 0
            && is_behind(position, self.lock.open_through.as_ref())
            && !self
                .lock
                .overtaken
                .is_some_and(|overtaken| is_behind(&overtaken, self.lock.open_through.as_ref()));
        if !is_news {
            return None;
        }
        let before = self.lock.clone();
        self.lock.overtaken = Some(*position);
        Some(move_lock(self.key, &before, self.lock))
    }
}

/// Steps of the queue that a lock stands for.
trait QueueSteps {
    fn add_open(&mut self, position: &Position);
    fn leave(&mut self, row: &HeldRow);
}

impl QueueSteps for KeyLock {
    fn add_open(&mut self, position: &Position) {
        self.open += 1;
        if is_behind(position, self.open_through.as_ref()) {
            self.open_through = Some(*position);
        }
    }

    fn leave(&mut self, row: &HeldRow) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.state = LockState::Free;
            (self.head, self.behind, self.tail) = (None, None, None);
        } else {
            self.state = LockState::Draining;
            self.head = Some(row.place.clone());
            self.behind = Some(row.held.request);
        }
    }
}

/// Was it accepted after the other one?
pub fn is_behind(position: &Position, other: Option<&Position>) -> bool {
    let place = |position: &Position| (position.generation, position.offset);
    other.is_none_or(|other| place(position) > place(other))
}

/// Does the row belong to what is held?
pub fn is_held_row(row: &RowMutation) -> bool {
    row.key.table == HELD || row.key.table == LOCKS
}

/// Does it take an event out of its queue, or decide one that stays in it?
pub(crate) fn is_of_held_event(rows: &[RowMutation]) -> bool {
    rows.iter()
        .any(|row| row.key.table == HELD && row.before.is_some())
}

/// The held event that these rows leave, if they leave one.
pub fn held_after(rows: &[RowMutation]) -> Option<&RowMutation> {
    let stays = |row: &&RowMutation| row.key.table == HELD && row.action == RowAction::Put;
    rows.iter().find(stays)
}

/// The row of the queue that these rows leave, if they move one.
pub fn lock_after(rows: &[RowMutation]) -> Option<&RowMutation> {
    rows.iter().find(|row| row.key.table == LOCKS)
}

#[cfg(test)]
mod tests;
