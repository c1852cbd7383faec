use super::*;
use event_schema::{
    envelope::Reply,
    raw,
    rooms::{Heartbeat, Users},
};
use serde_json::json;

fn take(state: &mut State, offset: u64, record: RoomRecord) -> Vec<String> {
    let mut touched = BTreeSet::new();
    state.take(offset, 7, record, Instant::now(), &mut touched);
    touched.into_iter().collect()
}

fn seat(instance: &str, room: &str) -> Seat {
    Seat {
        instance: instance.into(),
        connection: "1".into(),
        room: room.into(),
    }
}

fn sits(instance: &str, room: &str, users: Users) -> RoomRecord {
    let subscription = Subscription {
        index: "i".into(),
        collection: "c".into(),
        filter: raw(&json!({})),
        mailbox: 2,
        users,
        pending: false,
        volatile: None,
    };
    RoomRecord::Sits(seat(instance, room), subscription)
}

/// `offset instance` of what the owner of the room's partition is to tell.
fn heard(state: &State, room: &str, since: u64) -> Vec<String> {
    let tell = |heard: &Arc<Heard>| {
        let mails = heard
            .mails
            .iter()
            .map(|(mailbox, mail)| format!("{}@{mailbox} {}", mail.instance, mail.count));
        format!("{} {}", heard.offset, mails.collect::<Vec<_>>().join(" "))
    };
    state
        .heard_since(keeper(room, 4), since)
        .iter()
        .map(tell)
        .collect()
}

#[test]
fn who_is_curious_hears_of_comings_and_goings_and_late_owners_hear_them_too() {
    let mut state = State::new(4, 3);
    assert_eq!(take(&mut state, 1, sits("g", "r", Users::None)), ["g"]);
    take(&mut state, 2, sits("h", "r", Users::In));
    assert_eq!(
        take(&mut state, 3, RoomRecord::Leaves(seat("g", "r"), None)),
        ["g"]
    );
    assert_eq!(heard(&state, "r", 0), ["2 h@2 2", "3 h@2 1"]);
    assert_eq!(heard(&state, "r", 2), ["3 h@2 1"]);
    assert_eq!((state.open, state.seats), (1, 1));
    // Only so many are kept.
    take(&mut state, 4, sits("g", "r", Users::None));
    take(&mut state, 5, RoomRecord::Leaves(seat("g", "r"), None));
    assert_eq!(heard(&state, "r", 0), ["3 h@2 1", "4 h@2 2", "5 h@2 1"]);
    take(&mut state, 6, RoomRecord::Leaves(seat("h", "r"), None));
    assert_eq!(
        (state.open, state.seats, heard(&state, "r", 5).len()),
        (0, 0, 0),
        "nobody is left to be told"
    );
}

#[test]
fn signs_of_life_are_a_gateways_own() {
    let mut state = State::new(4, 3);
    let beat = Heartbeat {
        reply: Reply {
            instance: "g".into(),
            partition: 2,
        },
        time: 0,
    };
    assert_eq!(take(&mut state, 1, RoomRecord::Beats(beat)), ["g"]);
    let first = state.seen("g").unwrap();
    take(&mut state, 2, sits("g", "r", Users::None));
    assert!(state.seen("g").unwrap() >= first);
    let then = state.seen("g").unwrap();
    take(&mut state, 3, RoomRecord::Leaves(seat("g", "r"), None));
    assert_eq!(
        state.seen("g").unwrap(),
        then,
        "anybody may have written that"
    );
    take(
        &mut state,
        4,
        RoomRecord::Gone {
            instance: "g".into(),
        },
    );
    assert!(state.seen("g").is_none() && state.rooms.mailbox("g").is_none());
}
