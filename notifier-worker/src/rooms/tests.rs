//! The fence, in every order in which two notifiers may read the same records.

use super::*;
use event_schema::{
    membership::{MembershipRecord, PartitionClaim, PresenceFilter, RoomMembership, Subscription},
    to_raw,
};
use std::collections::BTreeSet;

const PARTITION: u16 = 2;

fn claim(notifier: &str) -> MembershipRecord {
    MembershipRecord::PartitionClaimed(PartitionClaim {
        notifier: notifier.into(),
        partition: PARTITION,
    })
}

fn feed_owner() -> FeedOwner {
    FeedOwner {
        partition: PARTITION,
        claim: 0,
        position: FeedPosition::default(),
    }
}

fn subscribed(room: &str) -> MembershipRecord {
    let membership = RoomMembership {
        instance: "g".into(),
        connection: "1".into(),
        room: room.into(),
    };
    let filter = to_raw(&serde_json::json!({}));
    let subscription = Subscription {
        index: "i".into(),
        collection: "c".into(),
        filter,
        mailbox: 0,
        users: PresenceFilter::None,
        pending: false,
        volatile: None,
    };
    MembershipRecord::Subscribed(membership, subscription)
}

/// One that has read so many of the records.
fn after(log: &[MembershipRecord], read: usize) -> Registry {
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
fn whatever_a_zombie_promised_its_successor_keeps() {
    let log = [
        claim("old"),
        subscribed("a"),
        subscribed("b"),
        claim("new"),
        subscribed("c"),
        claim("old"),
        subscribed("d"),
    ];
    for read in 0..=log.len() {
        let registry = after(&log, read);
        let _handling = registry.begin(feed_owner());
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
            assert_eq!((partitions, through + 1), (vec![feed_owner()], read as u64));
            // The next claim of the other stands behind what was said, and is read back with all
            // before it.
            for successor in others.iter().filter(|at| **at >= read) {
                let successor = after(&log, successor + 1);
                assert_eq!(
                    successor.state.read().memberships.owner(PARTITION),
                    Some(other)
                );
                let knows = |room: &str| successor.state.read().memberships.count(room) == 1;
                assert!(
                    registry
                        .state
                        .read()
                        .memberships
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
    let handling = registry.begin(feed_owner());
    assert_eq!(registry.progress("n"), Some((vec![feed_owner()], 0)));
    assert_eq!(registry.progress("m"), None);
    drop(handling);
    assert_eq!(registry.progress("n"), None);
}

/// What is said of how far a partition is was sent by then.
#[test]
fn how_far_it_is_moves_with_what_was_sent() {
    let registry = after(&[claim("n")], 1);
    let handling = registry.begin(feed_owner());
    let position = FeedPosition {
        next: event_schema::offset::ChangesOffset::new(7),
        informative: event_schema::offset::InformativeOffset::new(3),
        ..FeedPosition::default()
    };
    handling.moved(position);
    assert_eq!(
        registry.progress("n"),
        Some((
            vec![FeedOwner {
                position,
                ..feed_owner()
            }],
            0
        ))
    );
}
