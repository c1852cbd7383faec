//! A partition's story, told once in order; and told again by whoever begins where another would
//! have to.

use super::*;
use event_schema::{
    envelope::Origin,
    id::RequestId,
    mutation::{DocumentChange, DocumentKey},
    outcome::DeadReason,
    position::Position,
    raw,
    signing::Keyring,
};
use serde_json::json;

const PLENTY: usize = 1 << 20;

fn start() -> Story {
    Story::from(
        Resume {
            offset: 0,
            epoch: 0,
        },
        PLENTY,
    )
}

fn request() -> RequestId {
    RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [0; 16])
}

fn change(id: &str, before: Option<u64>, after: Option<u64>) -> DocumentChange {
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: id.into(),
    };
    let body = |n: u64| raw(&json!({ "n": n }));
    DocumentChange {
        key,
        revision_before: 0,
        revision: 1,
        before: before.map(body),
        after: after.map(body),
    }
}

fn decision(epoch: u64, position: u64, id: &str) -> Decision {
    Decision {
        epoch,
        request: request(),
        operation: "document.update".into(),
        tenant: "default".into(),
        catalog: "c".into(),
        position: Position {
            generation: 1,
            partition: 0,
            offset: position,
        },
        verdict: Verdict::Applied,
        documents: vec![change(id, Some(1), Some(2))],
        rows: Vec::new(),
        judged_by: Vec::new(),
        judged_by_rows: Vec::new(),
        result: None,
        volatile: None,
        accepted: 0,
        decided: 0,
        reply: None,
        origin: None,
    }
}

fn decided(epoch: u64, position: u64, id: &str) -> Change {
    Change::Decision(decision(epoch, position, id))
}

fn open() -> Change {
    Change::Open(event_schema::decision::Open {
        owner: "w".into(),
        time: 0,
    })
}

fn mark(epoch: u64, through: u64, next: u64) -> Change {
    Change::Mark(Mark {
        epoch,
        generation: 1,
        partition: 0,
        through,
        next,
        time: 0,
        reapply_from: through + 1,
        reapply_epoch: epoch,
    })
}

fn void(epoch: u64, decision: u64, position: u64, id: &str) -> Change {
    Change::Void(Void {
        epoch,
        request: request(),
        operation: "document.update".into(),
        position: Position {
            generation: 1,
            partition: 0,
            offset: position,
        },
        decision,
        dead: Some(DeadReason {
            code: "x".into(),
            message: "x".into(),
            store: None,
        }),
        documents: vec![change(id, Some(2), Some(1))],
        rows: Vec::new(),
        time: 0,
        accepted: 0,
        reply: None,
    })
}

/// `id state` of what the records tell, from `first` on.
fn told(story: &mut Story, first: u64, changes: &[Change]) -> Vec<String> {
    let mut tells = Vec::new();
    for (offset, change) in (first..).zip(changes) {
        story.fold(offset, change.clone(), &mut tells);
    }
    let tell = |tell: &Tell| match tell {
        Tell::This(telling, state) => {
            let notice = &telling.notice;
            let state = if *state == State::Pending {
                "pending"
            } else {
                "done"
            };
            let source = notice.source.as_ref().map_or("", |source| source.get());
            format!(
                "{} {state} {source}",
                notice.id.as_deref().unwrap_or_default()
            )
        }
        Tell::DoneAt(offset) => format!("done at {offset}"),
    };
    tells.iter().map(|(_, told)| tell(told)).collect()
}

#[test]
fn pending_with_the_decision_and_done_with_the_mark() {
    let mut story = start();
    let changes = [
        open(),
        decided(0, 0, "a"),
        decided(0, 1, "b"),
        mark(0, 1, 1),
        mark(0, 2, 2),
        mark(0, 2, 2),
    ];
    assert_eq!(
        told(&mut story, 0, &changes),
        [
            "a pending {\"n\":2}",
            "b pending {\"n\":2}",
            "a done {\"n\":2}",
            "b done {\"n\":2}"
        ]
    );
    assert_eq!(
        story.resume(),
        Resume {
            offset: 6,
            epoch: 0
        }
    );
    assert_eq!((story.held, story.standing.len()), (0, 0));
}

#[test]
fn ghosts_tell_nothing_and_resolve_nothing() {
    let mut story = start();
    // The second open at 2 makes everything of epoch 0 a ghost's.
    let changes = [
        open(),
        decided(0, 0, "a"),
        open(),
        decided(0, 1, "ghost"),
        mark(0, 1, 1),
        decided(2, 1, "b"),
    ];
    assert_eq!(
        told(&mut story, 0, &changes),
        ["a pending {\"n\":2}", "b pending {\"n\":2}"]
    );
    assert_eq!(
        story.resume(),
        Resume {
            offset: 1,
            epoch: 0
        },
        "a is not done, and was decided under the first"
    );
    assert_eq!(
        told(&mut story, 6, &[void(0, 1, 0, "a"), mark(2, 5, 2)]),
        ["a done {\"n\":2}", "b done {\"n\":2}"]
    );
    assert_eq!(
        story.resume(),
        Resume {
            offset: 8,
            epoch: 2
        }
    );
}

#[test]
fn a_position_is_told_once_until_it_is_voided() {
    let mut story = start();
    let changes = [
        open(),
        decided(0, 0, "a"),
        decided(0, 0, "again"),
        void(0, 1, 0, "a"),
        decided(0, 0, "anew"),
        mark(0, 4, 1),
    ];
    assert_eq!(
        told(&mut story, 0, &changes),
        [
            "a pending {\"n\":2}",
            "a pending {\"n\":1}",
            "anew pending {\"n\":2}",
            "anew done {\"n\":2}"
        ]
    );
}

#[test]
fn a_void_is_told_as_done_only_where_the_decision_was() {
    let mut story = start();
    told(&mut story, 0, &[open(), decided(0, 0, "a")]);
    assert_eq!(
        told(&mut story, 2, &[void(0, 1, 0, "a")]),
        ["a pending {\"n\":1}"]
    );
    assert_eq!(
        story.resume().offset,
        1,
        "whoever begins now must know what was voided"
    );
    assert_eq!(
        told(&mut story, 3, &[mark(0, 1, 0)]),
        [""; 0],
        "a mark before the void resolves nothing of it"
    );
    assert_eq!(story.resume().offset, 1);
    assert_eq!(told(&mut story, 4, &[mark(0, 2, 1)]), [""; 0]);
    assert_eq!(story.resume().offset, 5);

    told(&mut story, 5, &[decided(0, 1, "b"), mark(0, 5, 2)]);
    assert_eq!(
        told(&mut story, 7, &[void(0, 5, 1, "b"), mark(0, 7, 2)]),
        ["b pending {\"n\":1}", "b done {\"n\":1}"]
    );
}

#[test]
fn silence_is_kept_through_mark_and_void() {
    let silent = |position| {
        let origin = Origin {
            request: "q".into(),
            protocol: "http".into(),
            controller: "c".into(),
            action: "a".into(),
            silent: true,
        };
        Change::Decision(Decision {
            origin: Some(origin),
            ..decision(0, position, "a")
        })
    };
    let mut story = start();
    let changes = [
        open(),
        silent(0),
        mark(0, 1, 1),
        silent(1),
        void(0, 3, 1, "a"),
        mark(0, 4, 2),
    ];
    assert_eq!(told(&mut story, 0, &changes), [""; 0]);
    assert_eq!(story.resume().offset, 6);
}

#[test]
fn what_there_is_no_room_for_is_read_again() {
    let mut story = Story::from(
        Resume {
            offset: 0,
            epoch: 0,
        },
        600,
    );
    let changes = [
        open(),
        decided(0, 0, "a"),
        decided(0, 1, "b"),
        mark(0, 2, 2),
        decided(0, 2, "c"),
        mark(0, 4, 3),
    ];
    let heard = told(&mut story, 0, &changes);
    assert_eq!(
        heard,
        [
            "a pending {\"n\":2}",
            "b pending {\"n\":2}",
            "a done {\"n\":2}",
            "done at 2",
            "c pending {\"n\":2}",
            "c done {\"n\":2}"
        ]
    );
}

/// Whoever takes over at any moment, from where the one before said, tells everything that is left
/// to tell.
#[test]
fn nothing_is_missed_whoever_takes_over_when() {
    let changes = eventful();
    let whole = told(&mut start(), 0, &changes);
    for at in 0..changes.len() {
        let mut first = start();
        let mut heard = told(&mut first, 0, &changes[..at]);
        let resume = first.resume();
        let mut second = Story::from(resume, PLENTY);
        heard.extend(told(
            &mut second,
            resume.offset,
            &changes[usize::try_from(resume.offset).unwrap()..],
        ));
        let missing: Vec<_> = whole
            .iter()
            .filter(|telling| !heard.contains(telling))
            .collect();
        assert!(
            missing.is_empty(),
            "taken over at {at}: {missing:?} of {heard:?}"
        );
        let invented: Vec<_> = heard
            .iter()
            .filter(|telling| !whole.contains(telling))
            .collect();
        assert!(invented.is_empty(), "taken over at {at}: {invented:?}");
    }
}

/// Whoever comes back with a record and how much of it he was told hears exactly what is left,
/// neither more nor less.
#[test]
fn whoever_comes_back_hears_exactly_what_is_left() {
    let changes = eventful();
    let whole = numbered(&mut start(), 0, &changes);
    let mut first = start();
    for at in 0..changes.len() {
        let resume = first.resume();
        let tells = numbered(&mut first, at as u64, &changes[at..=at]);
        for taken in 0..=tells.len() {
            let mut again = Story::from(resume, PLENTY);
            let heard = numbered(
                &mut again,
                resume.offset,
                &changes[usize::try_from(resume.offset).unwrap()..],
            );
            let is_left = |(record, number, _): &&(u64, usize, String)| {
                (*record, *number) >= (at as u64, taken)
            };
            let heard: Vec<_> = heard.iter().filter(is_left).collect();
            let left: Vec<_> = whole.iter().filter(is_left).collect();
            assert_eq!(heard, left, "back at record {at} after {taken} of it");
        }
    }
}

/// What the records tell, with the record and the telling's number among those of the record.
fn numbered(story: &mut Story, first: u64, changes: &[Change]) -> Vec<(u64, usize, String)> {
    let tells = (first..)
        .zip(changes)
        .map(|(offset, change)| (offset, told(story, offset, std::slice::from_ref(change))));
    tells
        .flat_map(|(offset, tells)| {
            tells
                .into_iter()
                .enumerate()
                .map(move |(number, tell)| (offset, number, tell))
        })
        .collect()
}

/// Two owners, a ghost, a void, a decision with several documents.
fn eventful() -> [Change; 12] {
    let mut second_group = decision(6, 5, "d");
    second_group.documents.push(change("e", None, Some(1)));
    [
        open(),
        decided(0, 0, "a"),
        decided(0, 1, "b"),
        mark(0, 1, 1),
        void(0, 2, 1, "b"),
        mark(0, 4, 2),
        open(),
        decided(0, 9, "ghost"),
        decided(6, 2, "c"),
        Change::Decision(second_group),
        mark(6, 8, 3),
        mark(6, 9, 6),
    ]
}
