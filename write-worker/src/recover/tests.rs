//! Which records count, which stand, what is undone and what is decided anew.

use super::*;
use event_schema::{
    decision::Open, id::RequestId, mutation::DocumentKey, outcome::Verdict, position::Position,
    raw, signing::Keyring,
};

fn key(id: &str) -> DocumentKey {
    DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: id.into(),
    }
}

/// A decision on document `id` for `position`: `n` → `n + 1`.
fn decision(epoch: u64, position: u64, id: &str, n: u64) -> Change {
    let state = |n: u64| (n > 0).then(|| raw(&serde_json::json!({"n": n})));
    let change = DocumentChange {
        key: key(id),
        revision_before: n,
        revision: n + 1,
        before: state(n),
        after: state(n + 1),
    };
    Change::Decision(Decision {
        epoch,
        request: RequestId::mint(
            &Keyring::new(1, *b"0123456789abcdef"),
            1,
            0,
            [position as u8; 16],
        ),
        operation: "document.update".into(),
        tenant: "t".into(),
        catalog: "c".into(),
        position: Position {
            generation: 1,
            partition: 0,
            offset: position,
        },
        verdict: Verdict::Applied,
        documents: vec![change],
        rows: vec![],
        judged_by: Vec::new(),
        judged_by_rows: Vec::new(),
        result: None,
        volatile: None,
        accepted: 0,
        decided: 0,
        reply: None,
        origin: None,
    })
}

fn open() -> Change {
    Change::Open(Open {
        owner: "w".into(),
        time: 0,
    })
}

fn folded(changes: Vec<Change>) -> Window {
    let mut window = Window::from(None);
    for (offset, change) in changes.into_iter().enumerate() {
        window.fold(offset as u64, change);
    }
    window
}

fn standing(window: &Window) -> Vec<u64> {
    window.standing().map(|(offset, _)| offset).collect()
}

#[test]
fn only_records_under_the_newest_open_count() {
    // The owner of epoch 0 writes on after epoch 2 began: a ghost.
    let window = folded(vec![
        open(),
        decision(0, 0, "a", 0),
        open(),
        decision(0, 1, "a", 1),
        decision(2, 1, "a", 1),
        decision(0, 2, "a", 2),
    ]);
    assert_eq!(standing(&window), [1, 4]);
    assert_eq!(window.next(), 2);
}

#[test]
fn the_first_counted_decision_of_a_position_stands() {
    let window = folded(vec![open(), decision(0, 0, "a", 0), decision(0, 0, "b", 0)]);
    assert_eq!(standing(&window), [1]);
}

#[test]
fn a_void_takes_the_later_decisions_on_its_keys_along_and_nothing_else() {
    let mut window = folded(vec![
        open(),
        decision(0, 0, "a", 0),
        decision(0, 1, "b", 0),
        decision(0, 2, "a", 1),
        decision(0, 3, "b", 1),
        decision(0, 4, "a", 2),
    ]);
    let reason = DeadReason {
        code: "x".into(),
        message: "y".into(),
        store: None,
    };
    let voids = window.voids_for(3, &reason, 0, 7);
    assert_eq!(
        voids
            .iter()
            .map(|void| (void.decision, void.dead.is_some()))
            .collect::<Vec<_>>(),
        [(3, true), (5, false)]
    );
    for void in &voids {
        // Back to the state that position 0 left: revision 1, n = 1.
        assert_eq!(void.documents[0].revision, 1);
        assert_eq!(
            void.documents[0].after.as_ref().unwrap().get(),
            r#"{"n":1}"#
        );
    }
    for (offset, void) in (6..).zip(voids) {
        window.fold(offset, Change::Void(void));
    }
    assert_eq!(standing(&window), [1, 2, 4, 6, 7]);
    assert_eq!(window.redo(), [4]);
    // Decided anew, it stands again and is nothing to redo.
    window.fold(8, decision(0, 4, "a", 1));
    assert_eq!(standing(&window), [1, 2, 4, 6, 7, 8]);
    assert!(window.redo().is_empty());
    assert_eq!(window.next(), 5);
}

/// An owner that ends after so many of the voids it had to append leaves the rest to the next one,
/// to the letter.
#[test]
fn voids_that_an_owner_did_not_come_to_append_are_found() {
    let decided = vec![
        open(),
        decision(0, 0, "a", 0),
        decision(0, 1, "a", 1),
        decision(0, 2, "b", 0),
        decision(0, 3, "a", 2),
        decision(0, 4, "a", 3),
        open(),
    ];
    let reason = DeadReason {
        code: "x".into(),
        message: "y".into(),
        store: None,
    };
    let all = folded(decided.clone()).voids_for(2, &reason, 6, 7);
    assert_eq!(
        all.iter().map(|void| void.decision).collect::<Vec<_>>(),
        [2, 4, 5]
    );
    for appended in 0..=all.len() {
        let mut window = folded(decided.clone());
        all[..appended]
            .iter()
            .zip(7..)
            .for_each(|(void, offset)| window.fold(offset, Change::Void(void.clone())));
        let offset = 7 + appended as u64;
        window.fold(offset, open());
        let orphans = window.orphans(offset, 7);
        let told = |voids: &[Void]| {
            voids
                .iter()
                .map(|void| format!("{} {:?}", void.decision, void.documents))
                .collect::<Vec<_>>()
        };
        let left = if appended == 0 {
            &[][..]
        } else {
            &all[appended..]
        };
        assert_eq!(told(&orphans), told(left), "after {appended} voids");
        // Whoever ends in the middle of those leaves the rest, again.
        for (n, orphan) in orphans.into_iter().enumerate() {
            window.fold(offset + 1 + n as u64, Change::Void(orphan));
        }
        assert!(window.orphans(offset, 7).is_empty());
        assert_eq!(
            window.redo(),
            if appended == 0 { vec![] } else { vec![3, 4] }
        );
    }
}

#[test]
fn a_void_of_what_never_was_before_removes_it() {
    let window = folded(vec![open(), decision(0, 0, "a", 0)]);
    let voids = window.voids_for(
        1,
        &DeadReason {
            code: "x".into(),
            message: "y".into(),
            store: None,
        },
        0,
        7,
    );
    assert!(voids[0].documents[0].after.is_none());
    assert!(
        window
            .voids_for(
                9,
                &DeadReason {
                    code: "x".into(),
                    message: "y".into(),
                    store: None
                },
                0,
                7
            )
            .is_empty()
    );
}

#[test]
fn marks_of_the_owner_move_on_and_a_ghosts_do_not() {
    let mark = |epoch, next| {
        Change::Mark(Mark {
            epoch,
            generation: 1,
            partition: 0,
            through: 1,
            next,
            time: 0,
            reapply_from: 2,
            reapply_epoch: epoch,
        })
    };
    assert_eq!(folded(vec![open(), mark(0, 40)]).next(), 40);
    assert_eq!(folded(vec![open(), open(), mark(0, 40)]).next(), 0);
}

#[test]
fn rows_go_back_to_what_they_were() {
    let Change::Decision(mut first) = decision(0, 0, "a", 0) else {
        unreachable!()
    };
    let cells = |n: i32| serde_json::Map::from_iter([("name".to_owned(), n.into())]);
    let row = |before: Option<i32>, n| RowMutation {
        key: event_schema::mutation::RowKey {
            table: "t".into(),
            key: serde_json::Map::from_iter([("id".to_owned(), "1".into())]),
        },
        action: RowAction::Merge,
        cells: cells(n),
        before: before.map(cells),
        expires: None,
    };
    let mut second = first.clone();
    second.position.offset = 1;
    first.rows = vec![row(None, 1)];
    second.rows = vec![row(Some(1), 2)];
    let window = folded(vec![
        open(),
        Change::Decision(first),
        Change::Decision(second),
    ]);
    let reason = DeadReason {
        code: "x".into(),
        message: "y".into(),
        store: None,
    };
    let only_second = window.voids_for(2, &reason, 0, 7);
    assert_eq!(
        (only_second[0].rows[0].action, &only_second[0].rows[0].cells),
        (RowAction::Put, &cells(1))
    );
    let both = window.voids_for(1, &reason, 0, 7);
    assert!(
        both.iter()
            .all(|void| void.rows[0].action == RowAction::Remove),
        "before the first there was no row"
    );
}

#[test]
fn a_refusal_falls_with_the_row_or_document_it_was_judged_by() {
    let Change::Decision(mut first) = decision(0, 0, "a", 0) else {
        unreachable!()
    };
    let row = |id: &str| event_schema::mutation::RowKey {
        table: "t".into(),
        key: serde_json::Map::from_iter([("id".to_owned(), id.into())]),
    };
    first.rows = vec![RowMutation {
        key: row("1"),
        action: RowAction::Put,
        cells: serde_json::Map::new(),
        before: None,
        expires: None,
    }];
    let refused =
        |position: u64, documents: Vec<DocumentKey>, rows: Vec<event_schema::mutation::RowKey>| {
            let Change::Decision(mut decision) = decision(0, position, "other", 0) else {
                unreachable!()
            };
            (
                decision.documents,
                decision.judged_by,
                decision.judged_by_rows,
            ) = (Vec::new(), documents, rows);
            decision.verdict = Verdict::Refused(event_schema::outcome::Refusal {
                code: event_schema::outcome::RefusalCode::Missing,
                message: String::new(),
                pointer: None,
            });
            Change::Decision(decision)
        };
    let window = folded(vec![
        open(),
        Change::Decision(first),
        refused(1, vec![key("a")], vec![]),
        refused(2, vec![], vec![row("1")]),
        refused(3, vec![key("b")], vec![row("2")]),
    ]);
    let reason = DeadReason {
        code: "x".into(),
        message: "y".into(),
        store: None,
    };
    let voided: Vec<u64> = window
        .voids_for(1, &reason, 0, 7)
        .iter()
        .map(|void| void.position.offset)
        .collect();
    assert_eq!(voided, [0, 1, 2], "what was judged by others stands");
}
