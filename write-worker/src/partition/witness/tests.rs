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
        last: Some(request(1)),
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
        last: Some(request(1)),
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
        alarm(|log| log.last = None),
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
    let why = alarm(|log| log.last = Some(request(2))).unwrap();
    assert!(why.contains("written again"), "{why}");
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
    let decided = |last| DecidedTail {
        next: TransactionsOffset::new(94),
        last,
    };
    let kept = |end| Offsets { earliest: 10, end };
    let (then, now) = (Some(request(2)), Some(request(3)));
    assert_eq!(lost_tail(&decided(then), kept(94), then), None);
    let short = lost_tail(&decided(then), kept(93), None).expect("an alarm");
    assert!(short.contains("ends at 93"), "{short}");
    let anew = lost_tail(&decided(then), kept(99), now).expect("an alarm");
    assert!(anew.contains("written again"), "{anew}");
    assert_eq!(lost_tail(&decided(None), kept(99), now), None);
}
