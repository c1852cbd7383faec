//! What may be decided of a queue, and when.

use super::*;
use event_schema::{
    decision::OriginalRecord,
    held::{self, FailedAttempt, HeldEvent, HeldKind, HeldMode},
    id::RequestId,
    offset::TransactionsOffset,
    outcome::DeadReason,
    position::Position,
};

fn event(offset: u64) -> HeldEvent {
    let position = Position {
        generation: 1,
        partition: 0,
        offset: TransactionsOffset::new(offset),
    };
    HeldEvent {
        request: RequestId::of_record("t", &position),
        operation: "user.update".into(),
        tenant: "default".into(),
        catalog: "c".into(),
        position,
        kind: HeldKind::Parked,
        attempts: 0,
        history: Vec::new(),
        accepted: 0,
        since: 0,
        prev: None,
    }
}

const ORIGINAL: OriginalRecord = OriginalRecord {
    key: None,
    value: None,
    headers: Vec::new(),
};

fn failed() -> FailedAttempt {
    let (code, message) = ("x".into(), "y".into());
    let store = None;
    FailedAttempt {
        time: 0,
        reason: DeadReason {
            code,
            message,
            store,
        },
        replay: None,
    }
}

fn key(name: &str) -> EntityKey {
    EntityKey(name.into())
}

fn row(rows: &[RowMutation]) -> HeldRow {
    let row = change_feed::held_after(rows).unwrap();
    HeldRow {
        place: held::read_place(&row.key).unwrap(),
        held: held::read_held(&row.cells).unwrap(),
        event: ORIGINAL,
        cells: row.cells.clone(),
    }
}

impl KeyQueues {
    fn die(&mut self, name: &str, offset: u64, batch: u64) -> HeldRow {
        let hold =
            |step: HoldingStep<'_>| step.hold(HeldMode::Strict, event(offset), failed(), &ORIGINAL);
        row(&self.step(&key(name), batch, hold))
    }

    fn park(&mut self, name: &str, offset: u64, batch: u64) -> HeldRow {
        row(&self.step(&key(name), batch, |step| {
            step.park(event(offset), &ORIGINAL)
        }))
    }

    fn release(&mut self, name: &str, row: &HeldRow, batch: u64) {
        self.step(&key(name), batch, |step| step.release(row));
    }
}

#[test]
fn what_is_parked_is_decided_when_it_is_applied_and_not_before() {
    let mut queues = KeyQueues::default();
    let dead = queues.die("a", 1, 1);
    let parked = queues.park("a", 2, 1);
    let late = queues.park("a", 3, 2);
    assert!(queues.parking(&key("a")).is_some() && queues.parking(&key("b")).is_none());
    assert!(queues.is_next(&key("a"), &dead) && !queues.is_next(&key("a"), &parked));
    queues.settle(1);
    assert!(!queues.can_drain(), "it is locked");
    queues.release("a", &dead, 3);
    assert!(!queues.is_settled(&key("a"), &dead.place));
    let turns = queues.next_turns(500);
    assert_eq!(
        turns[0].through, parked.place,
        "the later one is on its way"
    );
    assert_eq!(
        turns[0]
            .check(vec![parked.clone(), late.clone()])
            .unwrap()
            .len(),
        1
    );
    assert!(queues.is_next(&key("a"), &parked) && !queues.is_next(&key("a"), &late));
    queues.release("a", &parked, 4);
    assert!(!queues.can_drain());
    queues.settle(4);
    assert!(queues.can_drain() && queues.is_settled(&key("a"), &dead.place));
    queues.release("a", &late, 5);
    assert!(queues.lock(&key("a")).is_none());
    assert!(queues.next_turns(500).is_empty());
}

/// The row of a dead letter is written before the ledger says what stands for its position, so its
/// replay would not know what it replaces.
#[test]
fn a_dead_letter_is_settled_when_the_batch_that_held_it_is_applied() {
    let mut queues = KeyQueues::default();
    let dead = queues.die("a", 1, 3);
    queues.settle(2);
    assert!(!queues.is_settled(&key("a"), &dead.place));
    queues.settle(3);
    assert!(queues.is_settled(&key("a"), &dead.place));
}

#[test]
fn a_queue_that_lost_something_is_not_guessed_around() {
    let mut queues = KeyQueues::default();
    let dead = queues.die("a", 1, 1);
    let rows: Vec<_> = (2..6).map(|n| queues.park("a", n, 1)).collect();
    queues.settle(1);
    queues.release("a", &dead, 2);
    let turn = queues.next_turns(500).remove(0);
    assert_eq!(turn.check(rows.clone()).unwrap().len(), 4);
    let without = |gone: usize| {
        let mut rows = rows.clone();
        rows.remove(gone);
        turn.check(rows)
    };
    for gone in 0..4 {
        assert!(without(gone).is_err(), "{gone} is missing");
    }
    assert!(turn.check(Vec::new()).is_err());
}

#[test]
fn keys_drain_in_turns() {
    let mut queues = KeyQueues::default();
    for name in ["a", "b", "c"] {
        let dead = queues.die(name, 1, 1);
        (2..100).for_each(|n| drop(queues.park(name, n, 1)));
        queues.release(name, &dead, 1);
    }
    queues.settle(1);
    let names = |turns: Vec<DrainTurn>| -> Vec<String> {
        turns.into_iter().map(|turn| turn.key.0).collect()
    };
    assert_eq!(names(queues.next_turns(40)), ["a", "b"]);
    assert_eq!(names(queues.next_turns(40)), ["c", "a"]);
    assert_eq!(names(queues.next_turns(1_000)), ["b", "c", "a"]);
}
