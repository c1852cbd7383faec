//! What stands, what is to be decided again, and where to go on.

use super::*;
use crate::samples::{Folded, at, decision, mark, open, position, request, void};
use event_schema::{held::REPLAY, replay::Replay};

fn decided(open: u64, position: u64, id: &str, n: u64) -> Change {
    Change::Decision(decision(open, position, id, n))
}

#[test]
fn only_records_under_the_newest_open_stand() {
    // The owner of epoch 0 writes on after epoch 2 began.
    let folded = Folded::of(vec![
        open(),
        decided(0, 0, "a", 0),
        open(),
        decided(0, 1, "a", 1),
        decided(0, 2, "a", 2),
    ]);
    assert_eq!(folded.standing(), [1]);
    assert_eq!(folded.window.next().get(), 1);
}

#[test]
fn what_stands_behind_a_hole_is_not_taken_for_consumed() {
    let mut folded = Folded::of(vec![open(), decided(0, 0, "a", 0)]);
    // Positions 1 and 2 were decided, to stand at 2 and 3; the first never landed.
    let second = crate::samples::placed(decided(0, 2, "c", 0), 3);
    folded.append_as_it_is(second);
    assert_eq!(folded.standing(), [1]);
    assert_eq!(
        folded.window.next().get(),
        1,
        "position 1 is still to be decided"
    );
}

/// By which a log that lost its tail is told from the one that was decided.
#[test]
fn the_requests_before_the_next_one_are_known() {
    let mut folded = Folded::of(vec![open()]);
    assert!(folded.window.tail().is_unknown());
    for position in [0, 3, 2] {
        folded.append(decided(0, position, "a", position));
    }
    assert_eq!(folded.window.next().get(), 4);
    let tail = folded.window.tail();
    assert!(tail.may_be(0, &request(3)) && !tail.may_be(0, &request(2)));
    assert!(tail.may_be(3, &request(0)) && !tail.may_be(3, &request(1)));
    // A repeat has no record of its own, and the mark behind it names it.
    let Change::Mark(mut mark) = mark(0, 4, 4) else {
        panic!("it is a mark")
    };
    mark.tail = tail;
    mark.tail.push(1, &request(0));
    for next in [4, 5] {
        mark.next = TransactionsOffset::new(next);
        folded.append(Change::Mark(mark.clone()));
        assert_eq!(folded.window.tail(), mark.tail);
    }
}

/// The record store may have an older mark than the last that an owner wrote and went by.
#[test]
fn the_last_mark_that_counts_says_where_to_begin() {
    let mut folded = Folded::of(vec![open(), decided(0, 0, "a", 0)]);
    assert_eq!(folded.window.marked_start(), None);
    folded.append(mark(0, 1, 1));
    folded.append(open());
    let start = folded.window.marked_start().expect("a mark stands");
    assert_eq!((start.from.get(), start.next.get()), (2, 1));
    // The owner of epoch 0 does not know yet that it is none.
    folded.append(mark(0, 2, 2));
    assert_eq!(folded.window.marked_start(), Some(start));
}

#[test]
fn the_first_counted_decision_of_a_position_stands() {
    let folded = Folded::of(vec![open(), decided(0, 0, "a", 0), decided(0, 0, "b", 0)]);
    assert_eq!(folded.standing(), [1]);
}

#[test]
fn a_decision_replaces_exactly_what_it_names() {
    let replacing = |replaces: u64| {
        let mut again = decision(0, 0, "b", 0);
        again.replaces = Some(at(replaces));
        Change::Decision(again)
    };
    let first = || vec![open(), decided(0, 0, "a", 0)];
    let with = |next: Change| {
        let mut folded = Folded::of(first());
        folded.append(next);
        folded.standing()
    };
    assert_eq!(with(replacing(1)), [1, 2]);
    assert_eq!(with(replacing(0)), [1], "something else stands");
    let mut twice = Folded::of(first());
    twice.append(replacing(1));
    twice.append(replacing(1));
    assert_eq!(twice.standing(), [1, 2], "that was replaced already");
}

#[test]
fn a_replay_moves_on_the_position_of_its_own_intent() {
    let mut replayed = decision(0, 3, "a", 0);
    replayed.replaces = Some(at(0));
    replayed.by = Some(Replay {
        position: position(70),
        request: crate::samples::request(9),
        operation: REPLAY.into(),
        principal: "anna".into(),
        reason: None,
        job: None,
        accepted: 0,
        reply: None,
    });
    // The event itself is of an older generation: its offset says nothing of this log.
    replayed.position.generation = 0;
    replayed.position.offset = TransactionsOffset::new(5_000);
    let folded = Folded::of(vec![open(), Change::Decision(replayed)]);
    assert_eq!(folded.standing(), [1]);
    assert_eq!(folded.window.next().get(), 71);
}

#[test]
fn marks_of_the_owner_move_on_and_a_zombies_do_not() {
    let owner = Folded::of(vec![open(), mark(0, 0, 40)]);
    assert_eq!(owner.window.next().get(), 40);
    let zombie = Folded::of(vec![open(), open(), mark(0, 0, 40)]);
    assert_eq!(zombie.window.next().get(), 0);
}

#[test]
fn below_a_mark_no_position_is_decided_a_second_time() {
    let folded = Folded::of(vec![open(), mark(0, 0, 40), decided(0, 39, "a", 0)]);
    assert_eq!(folded.standing(), [0; 0]);
}

#[test]
fn a_position_that_is_voided_anew_is_to_be_decided_until_it_is() {
    let mut undone = void(0, 1, 0, "a");
    undone.ends = VoidEnd::Anew;
    let mut folded = Folded::of(vec![
        open(),
        decided(0, 0, "a", 1),
        Change::Void(undone.clone()),
    ]);
    let redo = Redo {
        position: position(0),
        void: at(2),
    };
    assert_eq!(folded.window.redo(), [redo]);
    let mut again = decision(0, 0, "a", 1);
    folded.append(Change::Decision(again.clone()));
    assert_eq!(folded.window.redo(), [redo], "it does not name the void");
    again.replaces = Some(at(2));
    folded.append(Change::Decision(again));
    assert_eq!(folded.window.redo(), []);
    assert_eq!(folded.standing(), [2, 4]);
}

#[test]
fn a_void_of_something_that_does_not_stand_undoes_nothing() {
    let folded = Folded::of(vec![
        open(),
        decided(0, 0, "a", 1),
        Change::Void(void(0, 7, 0, "a")),
    ]);
    assert_eq!(folded.standing(), [1]);
}

/// A minute at full speed lies between two marks where a store forgets: were bodies kept, taking a
/// partition would take gigabytes.
#[test]
fn no_body_is_kept() {
    let long = "x".repeat(100_000);
    let mut folded = Folded::of(vec![open()]);
    for position in 0..50 {
        let mut large = decision(0, position, "a", position);
        let body = event_schema::to_raw(&serde_json::json!({ "text": long }));
        large.documents[0].before = Some(body.clone());
        large.documents[0].after = Some(body.clone());
        large.result = Some(body);
        folded.append(Change::Decision(large));
    }
    assert_eq!(folded.window.standing().count(), 50);
    // All that a window holds is in what it shows of itself.
    let shown = format!("{:?}", folded.window);
    assert!(shown.len() < 50_000, "{} bytes", shown.len());
}
