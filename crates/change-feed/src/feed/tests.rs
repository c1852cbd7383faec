//! What a partition emits, once and in order; and again for a reader that begins where another
//! would have to.

use super::*;
use crate::samples::{at, change, decision, epoch, mark, open, placed};
use event_schema::envelope::Origin;

const PLENTY: usize = 1 << 20;

fn start() -> ChangeFeed {
    ChangeFeed::from(resume(0, None), PLENTY)
}

fn resume(offset: u64, open: Option<u64>) -> ResumePoint {
    ResumePoint {
        offset: at(offset),
        epoch: open.map(epoch),
    }
}

fn decided(open: u64, position: u64, id: &str) -> Change {
    Change::Decision(decision(open, position, id, 1))
}

/// Decided again, after the void at `void`.
fn decided_again(open: u64, position: u64, id: &str, void: u64) -> Change {
    let mut again = decision(open, position, id, 1);
    again.replaces = Some(at(void));
    Change::Decision(again)
}

fn void(open: u64, decided: u64, position: u64, id: &str) -> Change {
    Change::Void(crate::samples::void(open, decided, position, id))
}

/// `id state` of what the records tell, from `first` on.
fn told(feed: &mut ChangeFeed, first: u64, changes: &[Change]) -> Vec<String> {
    let mut tells = Vec::new();
    for (offset, change) in (first..).zip(changes) {
        feed.fold(at(offset), &placed(change.clone(), offset), &mut tells);
    }
    let tell = |tell: &Emission| match tell {
        Emission::Notification(telling, state) => {
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
        Emission::DoneAt(offset) => format!("done at {offset}"),
    };
    tells.iter().map(|(_, told)| tell(told)).collect()
}

#[test]
fn pending_with_the_decision_and_done_with_the_mark() {
    let mut feed = start();
    let changes = [
        open(),
        decided(0, 0, "a"),
        decided(0, 1, "b"),
        mark(0, 1, 1),
        mark(0, 2, 2),
        mark(0, 2, 2),
    ];
    assert_eq!(
        told(&mut feed, 0, &changes),
        [
            "a pending {\"n\":2}",
            "b pending {\"n\":2}",
            "a done {\"n\":2}",
            "b done {\"n\":2}"
        ]
    );
    assert_eq!(feed.resume(), resume(6, Some(0)));
    assert_eq!((feed.held, feed.undone.len()), (0, 0));
}

#[test]
fn a_zombie_emits_nothing_and_resolves_nothing() {
    let mut feed = start();
    // The opens at 2 and 5 make everything of epoch 0 a zombie's; the owner opens again behind it.
    let changes = [
        open(),
        decided(0, 0, "a"),
        open(),
        decided(0, 1, "zombie"),
        mark(0, 1, 1),
        open(),
        decided(5, 1, "b"),
    ];
    assert_eq!(
        told(&mut feed, 0, &changes),
        ["a pending {\"n\":2}", "b pending {\"n\":2}"]
    );
    assert_eq!(
        feed.resume(),
        resume(1, Some(0)),
        "a is not done, and was decided under the first"
    );
    assert_eq!(
        told(&mut feed, 7, &[mark(5, 6, 2)]),
        ["a done {\"n\":2}", "b done {\"n\":2}"]
    );
    assert_eq!(feed.resume(), resume(8, Some(5)));
    assert_eq!(told(&mut feed, 8, &[void(0, 1, 0, "a")]), [""; 0]);
}

#[test]
fn a_position_is_told_once_until_it_is_voided() {
    let mut feed = start();
    let changes = [
        open(),
        decided(0, 0, "a"),
        decided(0, 0, "again"),
        void(0, 1, 0, "a"),
        decided_again(0, 0, "anew", 3),
        mark(0, 4, 1),
    ];
    assert_eq!(
        told(&mut feed, 0, &changes),
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
    let mut feed = start();
    told(&mut feed, 0, &[open(), decided(0, 0, "a")]);
    assert_eq!(
        told(&mut feed, 2, &[void(0, 1, 0, "a")]),
        ["a pending {\"n\":1}"]
    );
    assert_eq!(
        feed.resume().offset.get(),
        1,
        "whoever begins now must know what was voided"
    );
    assert_eq!(
        told(&mut feed, 3, &[mark(0, 1, 0)]),
        [""; 0],
        "a mark before the void resolves nothing of it"
    );
    assert_eq!(feed.resume().offset.get(), 1);
    assert_eq!(told(&mut feed, 4, &[mark(0, 2, 1)]), [""; 0]);
    assert_eq!(feed.resume().offset.get(), 5);

    told(&mut feed, 5, &[decided(0, 1, "b"), mark(0, 5, 2)]);
    assert_eq!(
        told(&mut feed, 7, &[void(0, 5, 1, "b"), mark(0, 7, 2)]),
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
            ..decision(0, position, "a", 1)
        })
    };
    let mut silent_void = crate::samples::void(0, 3, 1, "a");
    silent_void.silent = true;
    let silent_void = Change::Void(silent_void);
    let mut feed = start();
    let changes = [
        open(),
        silent(0),
        mark(0, 1, 1),
        silent(1),
        silent_void,
        mark(0, 4, 2),
    ];
    assert_eq!(told(&mut feed, 0, &changes), [""; 0]);
    assert_eq!(feed.resume().offset.get(), 6);
}

#[test]
fn what_there_is_no_room_for_is_read_again() {
    let mut feed = ChangeFeed::from(resume(0, None), 600);
    let changes = [
        open(),
        decided(0, 0, "a"),
        decided(0, 1, "b"),
        mark(0, 2, 2),
        decided(0, 2, "c"),
        mark(0, 4, 3),
    ];
    let heard = told(&mut feed, 0, &changes);
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
        let mut second = ChangeFeed::from(resume, PLENTY);
        heard.extend(told(
            &mut second,
            resume.offset.get(),
            &changes[usize::try_from(resume.offset.get()).unwrap()..],
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
            let mut again = ChangeFeed::from(resume, PLENTY);
            let heard = numbered(
                &mut again,
                resume.offset.get(),
                &changes[usize::try_from(resume.offset.get()).unwrap()..],
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
fn numbered(feed: &mut ChangeFeed, first: u64, changes: &[Change]) -> Vec<(u64, usize, String)> {
    let tells = (first..)
        .zip(changes)
        .map(|(offset, change)| (offset, told(feed, offset, std::slice::from_ref(change))));
    tells
        .flat_map(|(offset, tells)| {
            tells
                .into_iter()
                .enumerate()
                .map(move |(number, tell)| (offset, number, tell))
        })
        .collect()
}

/// Two owners, a zombie, a void, a decision with several documents.
fn eventful() -> [Change; 12] {
    let mut second_group = decision(6, 5, "d", 1);
    second_group.documents.push(change("e", 0, 1));
    [
        open(),
        decided(0, 0, "a"),
        decided(0, 1, "b"),
        mark(0, 1, 1),
        void(0, 2, 1, "b"),
        mark(0, 4, 2),
        open(),
        decided(0, 9, "zombie"),
        decided(6, 2, "c"),
        Change::Decision(second_group),
        mark(6, 8, 3),
        mark(6, 9, 6),
    ]
}
