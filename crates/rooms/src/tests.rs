use super::*;
use event_schema::{raw, rooms::Users};
use serde_json::json;

fn seat(instance: &str, connection: &str, room: &str) -> Seat {
    Seat {
        instance: instance.into(),
        connection: connection.into(),
        room: room.into(),
    }
}

fn subscription(users: Users, who: &str) -> Subscription {
    let volatile = Some(raw(&json!({"who": who})));
    Subscription {
        index: "i".into(),
        collection: "c".into(),
        filter: raw(&json!({})),
        mailbox: 1,
        users,
        pending: false,
        volatile,
    }
}

fn told(changes: &[Change]) -> Vec<String> {
    let told = |change: &Change| match change {
        Change::In {
            seat,
            count,
            opened,
            ..
        } => format!(
            "in {} {count}{}",
            seat.connection,
            if *opened { " opened" } else { "" }
        ),
        Change::Again { seat, .. } => format!("again {}", seat.connection),
        Change::Out {
            seat,
            count,
            closed,
            volatile,
            said,
            ..
        } => {
            let who = volatile.as_ref().map_or("", |volatile| volatile.get());
            format!(
                "out {} {count}{}{} {who}",
                seat.connection,
                if *closed { " closed" } else { "" },
                if *said { " said" } else { "" }
            )
        }
        Change::Beats { instance } => format!("beats {instance}"),
        Change::Gone { instance } => format!("gone {instance}"),
        Change::Owns {
            partition,
            notifier,
        } => format!("{notifier} owns {partition}"),
    };
    changes.iter().map(told).collect()
}

#[test]
fn seats_are_counted_once_over_all_gateways() {
    let mut rooms = Rooms::default();
    assert_eq!(
        told(&rooms.apply(RoomRecord::Sits(
            seat("g", "1", "r"),
            subscription(Users::All, "a")
        ))),
        ["in 1 1 opened"]
    );
    assert_eq!(
        told(&rooms.apply(RoomRecord::Sits(
            seat("g", "1", "r"),
            subscription(Users::None, "a")
        ))),
        ["again 1"]
    );
    assert_eq!(
        told(&rooms.apply(RoomRecord::Sits(
            seat("h", "1", "r"),
            subscription(Users::All, "b")
        ))),
        ["in 1 2"]
    );
    let there: Vec<_> = rooms
        .room("r")
        .unwrap()
        .gateways()
        .map(|(name, there)| (name.to_owned(), there.seats, there.curious))
        .collect();
    assert_eq!(there, [("g".to_owned(), 1, 0), ("h".to_owned(), 1, 1)]);

    let bye = Some(raw(&json!({"bye": 1})));
    assert_eq!(
        told(&rooms.apply(RoomRecord::Leaves(seat("g", "1", "r"), bye))),
        ["out 1 1 said {\"bye\":1}"]
    );
    assert!(
        rooms
            .apply(RoomRecord::Leaves(seat("g", "1", "r"), None))
            .is_empty(),
        "nobody leaves twice"
    );
    assert_eq!(
        told(&rooms.apply(RoomRecord::Leaves(seat("h", "1", "r"), None))),
        ["out 1 0 closed {\"who\":\"b\"}"]
    );
    assert_eq!((rooms.count("r"), rooms.all().count()), (0, 0));
}

#[test]
fn a_gateway_that_is_gone_leaves_every_room_with_what_its_connections_said_when_they_came() {
    let mut rooms = Rooms::default();
    let beat = Heartbeat {
        reply: Reply {
            instance: "g".into(),
            partition: 1,
        },
        time: 5,
    };
    rooms.apply(RoomRecord::Beats(beat));
    rooms.apply(RoomRecord::Sits(
        seat("g", "1", "r"),
        subscription(Users::All, "a"),
    ));
    rooms.apply(RoomRecord::Sits(
        seat("g", "2", "r"),
        subscription(Users::All, "b"),
    ));
    rooms.apply(RoomRecord::Sits(
        seat("h", "3", "r"),
        subscription(Users::All, "c"),
    ));
    assert_eq!(rooms.seats_of("g").len(), 2);
    let changes = rooms.apply(RoomRecord::Gone {
        instance: "g".into(),
    });
    assert_eq!(
        told(&changes),
        [
            "out 1 2 {\"who\":\"a\"}",
            "out 2 1 {\"who\":\"b\"}",
            "gone g"
        ]
    );
    assert!(rooms.instances().all(|(name, _)| name != "g"));
    assert_eq!(rooms.count("r"), 1);
}

#[test]
fn the_last_notifier_that_took_a_partition_has_it() {
    let mut rooms = Rooms::default();
    for (notifier, partition) in [("a", 0), ("a", 1), ("b", 1)] {
        rooms.apply(RoomRecord::Owns(Owner {
            notifier: notifier.into(),
            partition,
        }));
    }
    assert_eq!(
        (rooms.owner(0), rooms.owner(1), rooms.owner(2)),
        (Some("a"), Some("b"), None)
    );
}

#[test]
fn who_wants_to_hear_of_what_is_only_decided_is_counted() {
    let mut rooms = Rooms::default();
    let sits = |connection: &str, pending| {
        RoomRecord::Sits(
            seat("g", connection, "r"),
            Subscription {
                pending,
                ..subscription(Users::None, connection)
            },
        )
    };
    let there = |rooms: &Rooms| {
        rooms.room("r").map(|room| {
            room.gateways()
                .map(|(_, there)| (there.seats, there.pending))
                .collect::<Vec<_>>()
        })
    };
    rooms.apply(sits("1", false));
    assert_eq!(
        (rooms.wants_pending(), there(&rooms)),
        (false, Some(vec![(1, 0)]))
    );
    rooms.apply(sits("2", true));
    rooms.apply(sits("1", true));
    rooms.apply(sits("2", true));
    assert_eq!(
        (rooms.wants_pending(), there(&rooms)),
        (true, Some(vec![(2, 2)]))
    );
    rooms.apply(RoomRecord::Leaves(seat("g", "2", "r"), None));
    assert_eq!(
        (rooms.wants_pending(), there(&rooms)),
        (true, Some(vec![(1, 1)]))
    );
    rooms.apply(RoomRecord::Gone {
        instance: "g".into(),
    });
    assert_eq!((rooms.wants_pending(), there(&rooms)), (false, None));
}
