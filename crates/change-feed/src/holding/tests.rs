//! A queue through all that may happen to it.

use super::*;
use crate::samples::{failed, held_event, position};
use event_schema::held::{self, HeldKind};

struct Queue {
    key: EntityKey,
    lock: KeyLock,
    rows: Vec<HeldRow>,
}

fn original() -> OriginalRecord {
    OriginalRecord {
        key: None,
        value: None,
        headers: Vec::new(),
    }
}

impl Queue {
    fn new() -> Self {
        Self {
            key: EntityKey("user/1".into()),
            lock: KeyLock::default(),
            rows: Vec::new(),
        }
    }

    fn step(&mut self, act: impl FnOnce(HoldingStep<'_>) -> Vec<RowMutation>) {
        let before = self.lock.clone();
        let rows = act(HoldingStep {
            key: &self.key,
            lock: &mut self.lock,
        });
        for row in &rows {
            if row.key.table == LOCKS {
                let reversed = held::move_lock(&self.key, &KeyLock::default(), &before);
                assert_eq!(row.before.clone().unwrap_or_default(), reversed.cells);
                continue;
            }
            let place = held::read_place(&row.key).unwrap();
            let stood = self.rows.iter().position(|row| row.place == place);
            let stood = stood.map(|at| self.rows.remove(at).cells);
            assert_eq!(row.before, stood, "what a void puts back is what stood");
            if row.action == RowAction::Put {
                self.rows.push(HeldRow {
                    place,
                    held: held::read_held(&row.cells).unwrap(),
                    event: held::read_original(&row.cells).unwrap(),
                    cells: row.cells.clone(),
                });
            }
        }
        self.rows.sort_by(|a, b| a.place.cmp(&b.place));
        let strict = self.rows.iter().filter(|row| !row.place.is_open());
        assert_eq!(self.lock.waiting, strict.count() as u64);
        let open = self.rows.iter().filter(|row| row.place.is_open());
        assert_eq!(self.lock.open, open.count() as u64);
    }

    fn die(&mut self, mode: HeldMode, n: u64) {
        self.step(|step| step.hold(mode, held_event(n), failed(), &original()));
    }

    fn park(&mut self, n: u64) {
        self.step(|step| step.park(held_event(n), &original()));
    }

    fn release(&mut self) {
        let row = self.rows[0].clone();
        self.step(|step| step.release(&row));
    }

    fn fail(&mut self, mode: HeldMode) {
        let row = self.rows[0].clone();
        self.step(|step| step.fail(&row, mode, failed()));
    }

    fn offsets(&self) -> Vec<(u64, HeldKind)> {
        let of = |row: &HeldRow| (row.held.position.offset.get(), row.held.kind);
        self.rows.iter().map(of).collect()
    }
}

#[test]
fn a_key_is_locked_until_all_that_waits_is_decided() {
    use HeldKind::{Dead, Parked};
    let mut queue = Queue::new();
    queue.die(HeldMode::Strict, 1);
    queue.park(2);
    queue.park(3);
    assert_eq!(queue.lock.state, LockState::Locked);
    assert_eq!(queue.offsets(), [(1, Dead), (2, Parked), (3, Parked)]);
    let links: Vec<_> = queue.rows.iter().map(|row| row.held.prev.clone()).collect();
    assert_eq!(links[0], None);
    assert_eq!(links[1], Some(queue.rows[0].place.clone()));
    assert_eq!(links[2], Some(queue.rows[1].place.clone()));
    queue.release();
    assert_eq!(queue.lock.state, LockState::Draining);
    assert_eq!(queue.lock.head, queue.rows[0].held.prev, "the links join");
    queue.park(4);
    queue.fail(HeldMode::Strict);
    assert_eq!(queue.lock.state, LockState::Locked);
    assert_eq!(queue.lock.behind, Some(queue.rows[0].held.request));
    assert_eq!(queue.offsets(), [(2, Dead), (3, Parked), (4, Parked)]);
    queue.fail(HeldMode::Strict);
    assert_eq!(queue.rows[0].held.attempts, 2);
    (0..3).for_each(|_| queue.release());
    assert!(queue.lock.is_empty() && !queue.lock.parks());
    assert_eq!(queue.lock, KeyLock::default());
}

#[test]
fn what_need_not_stay_in_order_leaves_the_queue_when_it_dies() {
    let mut queue = Queue::new();
    queue.die(HeldMode::Strict, 1);
    queue.park(2);
    queue.release();
    queue.fail(HeldMode::Open);
    assert!(!queue.lock.parks());
    assert_eq!((queue.lock.waiting, queue.lock.open), (0, 1));
    queue.release();
    assert_eq!(queue.lock, KeyLock::default());
}

#[test]
fn what_was_overtaken_is_noted_once_for_each() {
    let mut queue = Queue::new();
    let overtake = |queue: &mut Queue, n: u64| {
        let row = HoldingStep {
            key: &queue.key,
            lock: &mut queue.lock,
        }
        .overtake(&position(n));
        row.is_some()
    };
    assert!(!overtake(&mut queue, 0), "nothing is held");
    queue.die(HeldMode::Open, 1);
    assert!(!queue.lock.parks());
    assert!(overtake(&mut queue, 2));
    assert!(!overtake(&mut queue, 3));
    queue.die(HeldMode::Open, 4);
    assert!(overtake(&mut queue, 5));
    assert_eq!(queue.lock.overtaken, Some(position(5)));
    queue.release();
    queue.release();
    assert_eq!(queue.lock, KeyLock::default());
}
