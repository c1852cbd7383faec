use super::*;
use event_schema::{
    envelope::Reply,
    membership::{Heartbeat, PresenceFilter},
    to_raw,
};
use serde_json::json;

fn take(state: &mut RoomsState, offset: u64, record: MembershipRecord) -> Vec<String> {
    let mut touched = BTreeSet::new();
    state.take(offset, 7, record, Instant::now(), &mut touched);
    touched.into_iter().collect()
}

fn membership(instance: &str, room: &str) -> RoomMembership {
    RoomMembership {
        instance: instance.into(),
        connection: "1".into(),
        room: room.into(),
    }
}

fn subscribed(instance: &str, room: &str, users: PresenceFilter) -> MembershipRecord {
    let subscription = Subscription {
        index: "i".into(),
        collection: "c".into(),
        filter: to_raw(&json!({})),
        mailbox: 2,
        users,
        pending: false,
        volatile: None,
    };
    MembershipRecord::Subscribed(membership(instance, room), subscription)
}

/// `offset instance` of what the owner of the room's partition is to tell.
fn sent(state: &RoomsState, room: &str, since: u64) -> Vec<String> {
    let tell = |event: &Arc<PresenceEvent>| {
        let mails = event
            .mails
            .iter()
            .map(|(mailbox, mail)| format!("{}@{mailbox} {}", mail.instance, mail.count));
        format!("{} {}", event.offset, mails.collect::<Vec<_>>().join(" "))
    };
    state
        .presence_since(owner_partition(room, 4), since)
        .iter()
        .map(tell)
        .collect()
}

#[test]
fn presence_events_are_logged_for_members_that_want_them_and_for_later_owners() {
    let mut state = RoomsState::new(4, 3);
    assert_eq!(
        take(&mut state, 1, subscribed("g", "r", PresenceFilter::None)),
        ["g"]
    );
    take(&mut state, 2, subscribed("h", "r", PresenceFilter::In));
    assert_eq!(
        take(
            &mut state,
            3,
            MembershipRecord::Unsubscribed(membership("g", "r"), None)
        ),
        ["g"]
    );
    assert_eq!(sent(&state, "r", 0), ["2 h@2 2", "3 h@2 1"]);
    assert_eq!(sent(&state, "r", 2), ["3 h@2 1"]);
    assert_eq!((state.open, state.members), (1, 1));
    // Only so many are kept.
    take(&mut state, 4, subscribed("g", "r", PresenceFilter::None));
    take(
        &mut state,
        5,
        MembershipRecord::Unsubscribed(membership("g", "r"), None),
    );
    assert_eq!(sent(&state, "r", 0), ["3 h@2 1", "4 h@2 2", "5 h@2 1"]);
    take(
        &mut state,
        6,
        MembershipRecord::Unsubscribed(membership("h", "r"), None),
    );
    assert_eq!(
        (state.open, state.members, sent(&state, "r", 5).len()),
        (0, 0, 0),
        "nobody is left to be told"
    );
}

#[test]
fn heartbeats_are_a_gateways_own() {
    let mut state = RoomsState::new(4, 3);
    let beat = Heartbeat {
        reply: Reply {
            instance: "g".into(),
            partition: 2,
        },
        time: 0,
    };
    assert_eq!(
        take(&mut state, 1, MembershipRecord::Heartbeat(beat)),
        ["g"]
    );
    let first = state.seen("g").unwrap();
    take(&mut state, 2, subscribed("g", "r", PresenceFilter::None));
    assert!(state.seen("g").unwrap() >= first);
    let then = state.seen("g").unwrap();
    take(
        &mut state,
        3,
        MembershipRecord::Unsubscribed(membership("g", "r"), None),
    );
    assert_eq!(
        state.seen("g").unwrap(),
        then,
        "anybody may have written that"
    );
    take(
        &mut state,
        4,
        MembershipRecord::GatewayExpired {
            instance: "g".into(),
        },
    );
    assert!(state.seen("g").is_none() && state.memberships.mailbox("g").is_none());
}
