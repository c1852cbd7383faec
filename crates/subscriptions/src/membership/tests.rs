use super::*;
use event_schema::{membership::PresenceFilter, to_raw};
use serde_json::json;

fn membership(instance: &str, connection: &str, room: &str) -> RoomMembership {
    RoomMembership {
        instance: instance.into(),
        connection: connection.into(),
        room: room.into(),
    }
}

fn subscription(users: PresenceFilter, who: &str) -> Subscription {
    let volatile = Some(to_raw(&json!({"who": who})));
    Subscription {
        index: "i".into(),
        collection: "c".into(),
        filter: to_raw(&json!({})),
        mailbox: 1,
        users,
        pending: false,
        volatile,
    }
}

fn shown(changes: &[MembershipChange]) -> Vec<String> {
    let shown = |change: &MembershipChange| match change {
        MembershipChange::Joined {
            membership,
            count,
            opened,
            ..
        } => format!(
            "in {} {count}{}",
            membership.connection,
            if *opened { " opened" } else { "" }
        ),
        MembershipChange::Updated { membership, .. } => format!("again {}", membership.connection),
        MembershipChange::Left {
            membership,
            count,
            closed,
            volatile,
            explicit,
            ..
        } => {
            let who = volatile.as_ref().map_or("", |volatile| volatile.get());
            format!(
                "out {} {count}{}{} {who}",
                membership.connection,
                if *closed { " closed" } else { "" },
                if *explicit { " explicit" } else { "" }
            )
        }
        MembershipChange::Heartbeat { instance } => format!("beats {instance}"),
        MembershipChange::GatewayExpired { instance } => format!("gone {instance}"),
        MembershipChange::PartitionClaimed {
            partition,
            notifier,
        } => format!("{notifier} owns {partition}"),
    };
    changes.iter().map(shown).collect()
}

#[test]
fn members_are_counted_once_over_all_gateways() {
    let mut fold = MembershipFold::default();
    assert_eq!(
        shown(&fold.apply(MembershipRecord::Subscribed(
            membership("g", "1", "r"),
            subscription(PresenceFilter::All, "a")
        ))),
        ["in 1 1 opened"]
    );
    assert_eq!(
        shown(&fold.apply(MembershipRecord::Subscribed(
            membership("g", "1", "r"),
            subscription(PresenceFilter::None, "a")
        ))),
        ["again 1"]
    );
    assert_eq!(
        shown(&fold.apply(MembershipRecord::Subscribed(
            membership("h", "1", "r"),
            subscription(PresenceFilter::All, "b")
        ))),
        ["in 1 2"]
    );
    let there: Vec<_> = fold
        .room("r")
        .unwrap()
        .gateways()
        .map(|(name, there)| (name.to_owned(), there.members, there.wants_presence))
        .collect();
    assert_eq!(there, [("g".to_owned(), 1, 0), ("h".to_owned(), 1, 1)]);

    let bye = Some(to_raw(&json!({"bye": 1})));
    assert_eq!(
        shown(&fold.apply(MembershipRecord::Unsubscribed(
            membership("g", "1", "r"),
            bye
        ))),
        ["out 1 1 explicit {\"bye\":1}"]
    );
    assert!(
        fold.apply(MembershipRecord::Unsubscribed(
            membership("g", "1", "r"),
            None
        ))
        .is_empty(),
        "nobody leaves twice"
    );
    assert_eq!(
        shown(&fold.apply(MembershipRecord::Unsubscribed(
            membership("h", "1", "r"),
            None
        ))),
        ["out 1 0 closed {\"who\":\"b\"}"]
    );
    assert_eq!((fold.count("r"), fold.all().count()), (0, 0));
}

#[test]
fn a_gateway_that_is_gone_leaves_every_room_with_what_its_connections_said_when_they_came() {
    let mut fold = MembershipFold::default();
    let beat = Heartbeat {
        reply: Reply {
            instance: "g".into(),
            partition: 1,
        },
        time: 5,
    };
    fold.apply(MembershipRecord::Heartbeat(beat));
    fold.apply(MembershipRecord::Subscribed(
        membership("g", "1", "r"),
        subscription(PresenceFilter::All, "a"),
    ));
    fold.apply(MembershipRecord::Subscribed(
        membership("g", "2", "r"),
        subscription(PresenceFilter::All, "b"),
    ));
    fold.apply(MembershipRecord::Subscribed(
        membership("h", "3", "r"),
        subscription(PresenceFilter::All, "c"),
    ));
    assert_eq!(fold.memberships_of("g").len(), 2);
    let changes = fold.apply(MembershipRecord::GatewayExpired {
        instance: "g".into(),
    });
    assert_eq!(
        shown(&changes),
        [
            "out 1 2 {\"who\":\"a\"}",
            "out 2 1 {\"who\":\"b\"}",
            "gone g"
        ]
    );
    assert!(fold.instances().all(|(name, _)| name != "g"));
    assert_eq!(fold.count("r"), 1);
}

#[test]
fn the_last_notifier_that_took_a_partition_has_it() {
    let mut fold = MembershipFold::default();
    for (notifier, partition) in [("a", 0), ("a", 1), ("b", 1)] {
        fold.apply(MembershipRecord::PartitionClaimed(PartitionClaim {
            notifier: notifier.into(),
            partition,
        }));
    }
    assert_eq!(
        (fold.owner(0), fold.owner(1), fold.owner(2)),
        (Some("a"), Some("b"), None)
    );
}

#[test]
fn who_wants_to_hear_of_what_is_only_decided_is_counted() {
    let mut fold = MembershipFold::default();
    let sits = |connection: &str, pending| {
        MembershipRecord::Subscribed(
            membership("g", connection, "r"),
            Subscription {
                pending,
                ..subscription(PresenceFilter::None, connection)
            },
        )
    };
    let there = |fold: &MembershipFold| {
        fold.room("r").map(|room| {
            room.gateways()
                .map(|(_, there)| (there.members, there.pending))
                .collect::<Vec<_>>()
        })
    };
    fold.apply(sits("1", false));
    assert_eq!(
        (fold.wants_pending(), there(&fold)),
        (false, Some(vec![(1, 0)]))
    );
    fold.apply(sits("2", true));
    fold.apply(sits("1", true));
    fold.apply(sits("2", true));
    assert_eq!(
        (fold.wants_pending(), there(&fold)),
        (true, Some(vec![(2, 2)]))
    );
    fold.apply(MembershipRecord::Unsubscribed(
        membership("g", "2", "r"),
        None,
    ));
    assert_eq!(
        (fold.wants_pending(), there(&fold)),
        (true, Some(vec![(1, 1)]))
    );
    fold.apply(MembershipRecord::GatewayExpired {
        instance: "g".into(),
    });
    assert_eq!((fold.wants_pending(), there(&fold)), (false, None));
}
