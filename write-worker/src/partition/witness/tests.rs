//! Each way in which a log can be another one than the mark was made of.

use super::*;
use event_schema::{
    offset::{ChangesOffset, TransactionsOffset},
    signing::Keyring,
};

fn ids(transactions: &str, changes: &str) -> TopicIds {
    TopicIds {
        transactions: Some(transactions.into()),
        changes: Some(changes.into()),
    }
}

fn request(byte: u8) -> RequestId {
    RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [byte; 16])
}

/// Of these records, oldest first.
fn tail(requests: &[u8]) -> RequestTail {
    let mut tail = RequestTail::default();
    for byte in requests {
        tail.push(1, &request(*byte));
    }
    tail
}

fn made_up(offset: u64) -> RequestId {
    let position = Position {
        generation: 1,
        partition: 0,
        offset: TransactionsOffset::new(offset),
    };
    RequestId::of_record("t", &position)
}

/// These stand before `next`, oldest first.
fn standing(next: u64, requests: &[u8]) -> StandingTail {
    let first = next - requests.len() as u64;
    let stands = |(offset, byte): (u64, &u8)| StandingRequest {
        offset: TransactionsOffset::new(offset),
        request: request(*byte),
        made_up: made_up(offset),
    };
    StandingTail((first..).zip(requests).map(stands).collect())
}

fn mark() -> Mark {
    Mark {
        epoch: Epoch::begun_at(ChangesOffset::new(40)),
        at: ChangesOffset::new(60),
        generation: 1,
        partition: 0,
        through: ChangesOffset::new(57),
        next: TransactionsOffset::new(91),
        time: 0,
        reapply_from: ChangesOffset::new(50),
        reapply_epoch: None,
        topics: ids("t", "c"),
        tail: tail(&[2, 1]),
        parts: Default::default(),
    }
}

fn evidence(topics: &TopicIds) -> Evidence<'_> {
    Evidence {
        topics,
        transactions: Offsets {
            earliest: 10,
            end: 95,
        },
        changes: Offsets {
            earliest: 20,
            end: 61,
        },
        epoch: Epoch::begun_at(ChangesOffset::new(61)),
        standing: standing(91, &[3, 2, 1]),
    }
}

fn alarm(change: impl FnOnce(&mut Evidence<'_>)) -> Option<String> {
    let topics = ids("t", "c");
    let mut evidence = evidence(&topics);
    change(&mut evidence);
    find_contradiction(Some(&mark()), &evidence)
}

#[test]
fn the_log_that_the_mark_was_made_of_is_taken() {
    assert_eq!(alarm(|_| {}), None);
    assert_eq!(
        alarm(|log| log.standing = StandingTail::default()),
        None,
        "deleted behind the mark"
    );
    let unknown = TopicIds::default();
    assert_eq!(find_contradiction(Some(&mark()), &evidence(&unknown)), None);
}

#[test]
fn a_topic_made_again_is_named() {
    let (transactions, changes) = (ids("other", "c"), ids("t", "other"));
    for (topics, name) in [(&transactions, "`transactions`"), (&changes, "`changes`")] {
        let why = find_contradiction(Some(&mark()), &evidence(topics)).unwrap();
        assert!(why.contains(name) && why.contains("made again"), "{why}");
    }
}

#[test]
fn a_tail_that_was_lost_is_named() {
    let ended = |at| Epoch::begun_at(ChangesOffset::new(at));
    let why = alarm(|log| log.epoch = ended(60)).unwrap();
    assert!(
        why.contains("`changes`") && why.contains("tail was lost"),
        "{why}"
    );
    let why = alarm(|log| log.transactions.end = 90).unwrap();
    assert!(why.contains("`transactions` ends at 90"), "{why}");
    assert_eq!(alarm(|log| log.transactions.end = 91), None);
    let why = alarm(|log| log.standing = standing(91, &[3, 2, 4])).unwrap();
    assert!(
        why.contains("90 of `transactions`") && why.contains("written again"),
        "{why}"
    );
    // The last is the same request again.
    let why = alarm(|log| log.standing = standing(91, &[3, 4, 1])).unwrap();
    assert!(why.contains("89 of `transactions`"), "{why}");
    assert_eq!(alarm(|log| log.standing = standing(91, &[4, 2, 1])), None);
    assert_eq!(
        alarm(|log| log.standing = standing(93, &[2, 1, 4, 5])),
        None
    );
}

#[test]
fn records_that_are_still_needed_may_not_be_gone() {
    let why = alarm(|log| log.changes.earliest = 51).unwrap();
    assert!(why.contains("deleted"), "{why}");
    assert_eq!(alarm(|log| log.changes.earliest = 50), None);
}

#[test]
fn a_store_without_a_mark_belongs_to_a_log_that_begins_at_0() {
    let topics = ids("t", "c");
    let mut log = evidence(&topics);
    let why = find_contradiction(None, &log).unwrap();
    assert!(why.contains("no mark"), "{why}");
    log.changes.earliest = 0;
    assert_eq!(find_contradiction(None, &log), None);
}

#[test]
fn what_was_decided_behind_the_mark_is_a_witness_too() {
    let decided = |tail| DecidedTail {
        next: TransactionsOffset::new(94),
        tail,
    };
    let kept = |end| Offsets { earliest: 10, end };
    let (then, now) = (standing(94, &[1, 2]), standing(94, &[1, 3]));
    assert_eq!(lost_tail(&decided(tail(&[1, 2])), kept(94), &then), None);
    let none = StandingTail::default();
    let short = lost_tail(&decided(tail(&[1, 2])), kept(93), &none).expect("an alarm");
    assert!(short.contains("ends at 93"), "{short}");
    let anew = lost_tail(&decided(tail(&[1, 2])), kept(99), &now).expect("an alarm");
    assert!(anew.contains("written again"), "{anew}");
    assert_eq!(lost_tail(&decided(tail(&[])), kept(99), &now), None);
    let mut damaged = tail(&[1]);
    damaged.push(1, &made_up(93));
    assert_eq!(lost_tail(&decided(damaged), kept(94), &now), None);
    assert_eq!(
        now.requests_before(TransactionsOffset::new(94)),
        tail(&[1, 3])
    );
    let mut repeated = tail(&[1]);
    repeated.push(2, &request(3));
    let unnamed = standing(94, &[1, 5, 3]).unnamed(&decided(repeated));
    let unnamed: Vec<u64> = unnamed
        .iter()
        .map(|standing| standing.offset.get())
        .collect();
    assert_eq!(unnamed, [92]);
    assert_eq!(now.requests_before(TransactionsOffset::new(93)), tail(&[1]));
}
