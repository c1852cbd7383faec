//! The fence, in every order in which two notifiers may read the same records.

use super::*;
use event_schema::{
    raw,
    rooms::{Owner, RoomRecord, Seat, Subscription, Users},
};
use std::collections::BTreeSet;

const PARTITION: u16 = 2;

fn claim(notifier: &str) -> RoomRecord {
    RoomRecord::Owns(Owner {
        notifier: notifier.into(),
        partition: PARTITION,
    })
}

fn teller() -> Teller {
    Teller {
        partition: PARTITION,
        claim: 0,
        point: Point::default(),
    }
}

fn sits(room: &str) -> RoomRecord {
    let seat = Seat {
        instance: "g".into(),
        connection: "1".into(),
        room: room.into(),
    };
    let filter = raw(&serde_json::json!({}));
    let subscription = Subscription {
        index: "i".into(),
        collection: "c".into(),
        filter,
        mailbox: 0,
        users: Users::None,
        pending: false,
        volatile: None,
    };
    RoomRecord::Sits(seat, subscription)
}

/// One that has read so many of the records.
fn after(log: &[RoomRecord], read: usize) -> Registry {
    let registry = Registry::new(4, 1);
    for (offset, record) in (0..).zip(&log[..read]) {
        registry.state.write().take(
            offset,
            0,
            record.clone(),
            Instant::now(),
            &mut BTreeSet::new(),
        );
        registry.folded.send_replace(offset + 1);
    }
    registry
}

/// What the old owner says of how far it is, the new one knows before it handles anything.
#[test]
fn whatever_a_ghost_promised_its_successor_keeps() {
    let log = [
        claim("old"),
        sits("a"),
        sits("b"),
        claim("new"),
        sits("c"),
        claim("old"),
        sits("d"),
    ];
    for read in 0..=log.len() {
        let registry = after(&log, read);
        let _handling = registry.begin(teller());
        for (notifier, other, claims, others) in [
            ("old", "new", &[0, 5][..], &[3][..]),
            ("new", "old", &[3], &[0, 5]),
        ] {
            let said = registry.progress(notifier);
            let last_claim = |of: &[usize]| of.iter().copied().filter(|at| *at < read).max();
            let is_newest = last_claim(claims) > last_claim(others);
            assert_eq!(said.is_some(), is_newest, "{notifier} after {read}");
            let Some((partitions, through)) = said else {
                continue;
            };
            assert_eq!((partitions, through + 1), (vec![teller()], read as u64));
            // The next claim of the other stands behind what was said, and is read back with all
            // before it.
            for successor in others.iter().filter(|at| **at >= read) {
                let successor = after(&log, successor + 1);
                assert_eq!(successor.state.read().rooms.owner(PARTITION), Some(other));
                let knows = |room: &str| successor.state.read().rooms.count(room) == 1;
                assert!(
                    registry
                        .state
                        .read()
                        .rooms
                        .all()
                        .all(|(room, _)| knows(room)),
                    "{notifier} after {read}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_said_of_what_is_not_handled() {
    let registry = after(&[claim("n")], 1);
    assert_eq!(registry.progress("n"), None);
    let handling = registry.begin(teller());
    assert_eq!(registry.progress("n"), Some((vec![teller()], 0)));
    assert_eq!(registry.progress("m"), None);
    drop(handling);
    assert_eq!(registry.progress("n"), None);
}

/// What is said of how far a partition is was sent by then.
#[test]
fn how_far_it_is_moves_with_what_was_sent() {
    let registry = after(&[claim("n")], 1);
    let handling = registry.begin(teller());
    let point = Point {
        next: 7,
        informative: 3,
        ..Point::default()
    };
    handling.moved(point);
    assert_eq!(
        registry.progress("n"),
        Some((vec![Teller { point, ..teller() }], 0))
    );
}
