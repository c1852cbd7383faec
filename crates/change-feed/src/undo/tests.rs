//! What is undone with what a store will not take, to which state, and what an owner that ended in
//! the middle left behind.

use super::*;
use crate::samples::{Folded, dead, decision, document, open, position};
use crate::{HeldRow, HoldingStep, samples::at};
use event_schema::{
    held::{self, HeldMode, KeyLock},
    id::EntityKey,
    mutation::{DocumentKey, RowKey},
    outcome::{Parked, Refusal, RefusalCode, Verdict},
};

fn decided(open: u64, position: u64, id: &str, n: u64) -> Change {
    Change::Decision(decision(open, position, id, n))
}

/// (decision, whether it ends there, revision that is restored) of each void.
fn told(voids: &[Void]) -> Vec<(u64, bool, u64)> {
    voids
        .iter()
        .map(|void| {
            let ends = void.ends != VoidEnd::Anew;
            (void.decision.get(), ends, void.documents[0].revision)
        })
        .collect()
}

#[test]
fn a_void_takes_the_later_decisions_on_its_keys_along_and_nothing_else() {
    let mut folded = Folded::of(vec![
        open(),
        decided(0, 0, "a", 0),
        decided(0, 1, "b", 0),
        decided(0, 2, "a", 1),
        decided(0, 3, "b", 1),
        decided(0, 4, "a", 2),
    ]);
    let voids = folded.voids(&[3], 0);
    assert_eq!(told(&voids), [(3, true, 1), (5, false, 1)]);
    for void in voids {
        assert_eq!(
            void.documents[0].after.as_ref().unwrap().get(),
            r#"{"n":1}"#
        );
        let event = void.event.as_ref().unwrap();
        assert_eq!(event.value, Some(void.position.offset.to_string()));
        folded.append(Change::Void(void));
    }
    assert_eq!(folded.standing(), [1, 2, 4, 6, 7]);
    let redo: Vec<Position> = folded
        .window
        .redo()
        .iter()
        .map(|redo| redo.position)
        .collect();
    // The refused one is decided again, as a dead letter.
    assert_eq!(redo, [position(2), position(4)]);
}

#[test]
fn all_that_a_store_will_not_take_is_voided_together() {
    let folded = Folded::of(vec![
        open(),
        decided(0, 0, "a", 0),
        decided(0, 1, "b", 0),
        decided(0, 2, "a", 1),
        decided(0, 3, "c", 0),
        decided(0, 4, "a", 2),
    ]);
    // The second of `a` would be refused, too, but it rests on the first: that is not known yet.
    assert_eq!(
        told(&folded.voids(&[1, 2, 3], 0)),
        [(1, true, 0), (2, true, 0), (3, false, 0), (5, false, 0)]
    );
}

/// An owner that ends after so many of the voids it had to append leaves the rest to the next one,
/// to the letter.
#[test]
fn voids_that_an_owner_did_not_come_to_append_are_found() {
    let decided = vec![
        open(),
        decided(0, 0, "a", 0),
        decided(0, 1, "a", 1),
        decided(0, 2, "b", 0),
        decided(0, 3, "a", 2),
        decided(0, 4, "b", 1),
        decided(0, 5, "a", 3),
        open(),
    ];
    let all = Folded::of(decided.clone()).voids(&[2, 3], 7);
    assert_eq!(
        told(&all),
        [
            (2, true, 1),
            (3, true, 0),
            (4, false, 1),
            (5, false, 0),
            (6, false, 1)
        ]
    );
    for appended in 0..=all.len() {
        let mut folded = Folded::of(decided.clone());
        let voids = all[..appended].iter().cloned();
        voids.for_each(|void| folded.append(Change::Void(void)));
        folded.append(open());
        let epoch = folded.log.len() as u64 - 1;
        let orphans = folded.voids(&[], epoch);
        let left: Vec<_> = told(&all[appended..])
            .into_iter()
            .filter(|(_, ends, revision)| {
                // Those that a store will not take are found by trying again, and so are those that
                // rest on them.
                !ends && (appended >= 1 && *revision == 1 || appended >= 2)
            })
            .collect();
        assert_eq!(told(&orphans), left, "after {appended} voids");
        // Whoever ends in the middle of those leaves the rest, again.
        for orphan in orphans {
            folded.append(Change::Void(orphan));
        }
        assert!(
            folded.voids(&[], epoch).is_empty(),
            "after {appended} voids"
        );
    }
}

#[test]
fn a_void_of_something_new_removes_it() {
    let folded = Folded::of(vec![open(), decided(0, 0, "a", 0)]);
    let voids = folded.voids(&[1], 0);
    assert!(voids[0].documents[0].after.is_none());
    assert_eq!(voids[0].documents[0].action, DocumentAction::Remove);
    assert!(folded.voids(&[9], 0).is_empty(), "nothing stands there");
}

/// Twice in one stretch a decision on `a` is voided; each time the state before that one comes back.
#[test]
fn each_chain_goes_back_to_its_own_beginning() {
    let mut folded = Folded::of(vec![open(), decided(0, 0, "a", 0), decided(0, 1, "a", 1)]);
    let first = folded.voids(&[2], 0);
    assert_eq!(told(&first), [(2, true, 1)]);
    first
        .into_iter()
        .for_each(|void| folded.append(Change::Void(void)));
    folded.append(decided(0, 2, "a", 1));
    folded.append(decided(0, 3, "a", 2));
    folded.append(decided(0, 4, "a", 3));
    assert_eq!(
        told(&folded.voids(&[5], 0)),
        [(5, true, 2), (6, false, 2)],
        "what was decided after the first void stands"
    );
}

#[test]
fn rows_go_back_to_what_they_were_with_their_deadline() {
    let cells = |n: i32| Map::from_iter([("name".to_owned(), n.into())]);
    let row = |before: Option<i32>, n| RowMutation {
        key: RowKey {
            table: "t".into(),
            key: Map::from_iter([("id".to_owned(), "1".into())]),
        },
        action: RowAction::Merge,
        cells: cells(n),
        expires_before: before.map(|_| 99),
        before: before.map(cells),
        expires: None,
    };
    let mut first = decision(0, 0, "a", 0);
    let mut second = decision(0, 1, "a", 1);
    first.rows = vec![row(None, 1)];
    second.rows = vec![row(Some(1), 2)];
    let folded = Folded::of(vec![
        open(),
        Change::Decision(first),
        Change::Decision(second),
    ]);
    let only_second = &folded.voids(&[2], 0)[0].rows[0];
    assert_eq!(
        (only_second.action, &only_second.cells, only_second.expires),
        (RowAction::Put, &cells(1), Some(99))
    );
    let both = folded.voids(&[1], 0);
    assert!(
        both.iter()
            .all(|void| void.rows[0].action == RowAction::Remove),
        "before the first there was no row"
    );
}

#[test]
fn a_refusal_falls_with_the_row_or_document_it_was_judged_by() {
    let row = |id: &str| RowKey {
        table: "t".into(),
        key: Map::from_iter([("id".to_owned(), id.into())]),
    };
    let mut first = decision(0, 0, "a", 0);
    first.rows = vec![RowMutation {
        key: row("1"),
        action: RowAction::Put,
        cells: Map::new(),
        before: None,
        expires_before: None,
        expires: None,
    }];
    let refused = |position: u64, documents: Vec<DocumentKey>, rows: Vec<RowKey>| {
        let mut decision = decision(0, position, "other", 0);
        decision.documents = Vec::new();
        (decision.judged_by, decision.judged_by_rows) = (documents, rows);
        decision.verdict = Verdict::Refused(Refusal {
            code: RefusalCode::Missing,
            message: String::new(),
            rule: None,
            pointer: None,
        });
        Change::Decision(decision)
    };
    let folded = Folded::of(vec![
        open(),
        Change::Decision(first),
        refused(1, vec![document("a")], vec![]),
        refused(2, vec![], vec![row("1")]),
        refused(3, vec![document("b")], vec![row("2")]),
    ]);
    let voids = folded.voids(&[1], 0);
    let voided: Vec<u64> = voids
        .iter()
        .map(|void| void.position.offset.get())
        .collect();
    assert_eq!(voided, [0, 1, 2], "what was judged by others stands");
}

#[test]
fn a_record_that_cannot_be_read_makes_no_void() {
    let folded = Folded::of(vec![open(), decided(0, 0, "a", 0)]);
    let plan = folded
        .window
        .undo(&BTreeMap::from([(crate::samples::at(1), dead())]));
    let stamp = VoidStamp {
        epoch: crate::samples::epoch(0),
        first: crate::samples::at(2),
        time: 0,
    };
    assert!(
        plan.voids(&BTreeMap::new(), &HashMap::new(), stamp)
            .is_none()
    );
}

/// An event that waits, as its row stands once it is parked or held.
fn held_row(key: &EntityKey, rows: &[RowMutation]) -> HeldRow {
    let row = crate::held_after(rows).unwrap();
    assert_eq!(row.key.key["key"], key.0.as_str());
    HeldRow {
        place: held::read_place(&row.key).unwrap(),
        held: held::read_held(&row.cells).unwrap(),
        event: held::read_original(&row.cells).unwrap(),
        cells: row.cells.clone(),
    }
}

fn on_key(position: u64, document: &str, relaxed: bool) -> Decision {
    Decision {
        key: EntityKey("k".into()),
        relaxed,
        ..decision(0, position, document, 0)
    }
}

#[test]
fn what_follows_on_a_key_is_undone_with_it_where_the_order_is_strict() {
    let undone = |relaxed| {
        let folded = Folded::of(vec![
            open(),
            Change::Decision(on_key(0, "a", relaxed)),
            Change::Decision(on_key(1, "b", true)),
            decided(0, 2, "c", 0),
        ]);
        let voids = folded.voids(&[1], 0);
        voids
            .iter()
            .map(|void| void.decision.get())
            .collect::<Vec<_>>()
    };
    assert_eq!(undone(false), [1, 2], "the other key's is not");
    assert_eq!(undone(true), [1]);
}

#[test]
fn what_a_store_refuses_while_a_key_drains_goes_back_with_all_that_waited_behind_it() {
    let key = EntityKey("k".into());
    let mut lock = KeyLock::default();
    let original = |n: u64| OriginalRecord {
        key: None,
        value: Some(n.to_string()),
        headers: Vec::new(),
    };
    let mut step = |act: &mut dyn FnMut(HoldingStep<'_>) -> Vec<RowMutation>| {
        act(HoldingStep {
            key: &key,
            lock: &mut lock,
        })
    };
    let event = |n| crate::samples::held_event(n);
    let dead = step(&mut |step| {
        step.hold(
            HeldMode::Strict,
            event(1),
            crate::samples::failed(),
            &original(1),
        )
    });
    let parked: Vec<_> = (2..5)
        .map(|n| step(&mut |step| step.park(event(n), &original(n))))
        .collect();
    let replayed = step(&mut |step| step.release(&held_row(&key, &dead)));
    let draining: Vec<_> = parked[..2]
        .iter()
        .map(|rows| step(&mut |step| step.release(&held_row(&key, rows))))
        .collect();
    let late = step(&mut |step| step.park(event(9), &original(9)));
    let by = |position, document: &str, rows: Vec<RowMutation>| Decision {
        rows,
        replaces: Some(at(0)),
        ..on_key(position, document, false)
    };
    let parks = Decision {
        replaces: None,
        documents: Vec::new(),
        verdict: Verdict::Parked(Parked {
            behind: crate::samples::request(3),
        }),
        ..by(9, "z", late)
    };
    let mut folded = Folded::of(vec![
        open(),
        Change::Decision(by(1, "a", replayed.clone())),
        Change::Decision(by(2, "b", draining[0].clone())),
        Change::Decision(by(3, "c", draining[1].clone())),
        Change::Decision(parks),
    ]);
    let voids = folded.voids(&[2], 0);
    let ends: Vec<_> = voids
        .iter()
        .map(|void| (void.decision.get(), &void.ends))
        .collect();
    assert_eq!(
        ends,
        [
            (2, &crate::samples::dead()),
            (3, &VoidEnd::Held),
            (4, &VoidEnd::Anew)
        ]
    );
    // The queue is what the replay left, and its rows are those that were parked.
    for (void, waits) in voids.iter().zip([&parked[0], &parked[1]]) {
        let back = crate::held_after(&void.rows).unwrap();
        assert_eq!(back.cells, crate::held_after(waits).unwrap().cells);
    }
    for void in &voids {
        let lock = crate::lock_after(&void.rows).unwrap();
        assert_eq!(lock.cells, crate::lock_after(&replayed).unwrap().cells);
    }
    voids
        .into_iter()
        .for_each(|void| folded.append(Change::Void(void)));
    let redo: Vec<_> = folded
        .window
        .redo()
        .iter()
        .map(|redo| redo.position)
        .collect();
    assert_eq!(redo, [position(2), position(9)]);
}
