//! Scope follows from before and after, and from nothing else; each gateway is told once, of its
//! own rooms.

use super::*;
use event_schema::{
    id::RequestId,
    membership::{MembershipRecord, PresenceFilter, RoomMembership, Subscription},
    mutation::{DocumentAction, DocumentChange, DocumentKey},
    signing::Keyring,
    to_raw,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn subscribe(state: &mut RoomsState, instance: &str, room: &str, collection: &str, filter: &Value) {
    subscribe_with(state, instance, room, collection, filter, false);
}

fn subscribe_with(
    state: &mut RoomsState,
    instance: &str,
    room: &str,
    collection: &str,
    filter: &Value,
    pending: bool,
) {
    let membership = RoomMembership {
        instance: instance.into(),
        connection: "1".into(),
        room: room.into(),
    };
    let subscription = Subscription {
        index: "i".into(),
        collection: collection.into(),
        filter: to_raw(filter),
        mailbox: 3,
        users: PresenceFilter::None,
        pending,
        volatile: None,
    };
    state.take(
        0,
        0,
        MembershipRecord::Subscribed(membership, subscription),
        tokio::time::Instant::now(),
        &mut BTreeSet::new(),
    );
}

fn notification(before: Option<Value>, after: Option<Value>) -> Notification {
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: "7".into(),
    };
    let change = DocumentChange {
        key,
        action: DocumentAction::Merge,
        revision_before: 1,
        revision: 2,
        before: before.map(|body| to_raw(&body)),
        after: after.map(|body| to_raw(&body)),
        purged: false,
    };
    let decision: event_schema::decision::Decision = serde_json::from_value(json!({
        "epoch": 0, "at": 1, "key": "i/c/7", "operation": "document.update", "tenant": "t", "catalog": "c", "verdict": "applied", "accepted": 0, "decided": 5,
        "request": RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [0; 16]),
        "position": {"generation": 1, "partition": 2, "offset": 9},
        "documents": [change],
    }))
    .unwrap();
    change_feed::of_decision(&decision).remove(0)
}

fn told(state: &RoomsState, before: Option<Value>, after: Option<Value>) -> Vec<String> {
    told_as(state, before, after, notification::State::Done)
}

fn told_as(
    state: &RoomsState,
    before: Option<Value>,
    after: Option<Value>,
    how_far: notification::State,
) -> Vec<String> {
    let routes = notification_routes(
        state,
        &notification(before, after),
        how_far,
        &mut Scratch::default(),
    );
    let room = |found: &RoomMatch| format!("{}:{:?}", found.room, found.scope).to_lowercase();
    let route = |route: &Route| {
        format!(
            "{}@{} {}",
            route.instance,
            route.mailbox,
            route.rooms.iter().map(room).collect::<Vec<_>>().join(" ")
        )
    };
    routes.iter().map(route).collect()
}

#[test]
fn a_document_that_comes_stays_leaves_or_goes() {
    let mut state = RoomsState::new(4, 10);
    subscribe(
        &mut state,
        "g",
        "r",
        "c",
        &json!({"range": {"n": {"gte": 10}}}),
    );
    let (low, high) = (|| Some(json!({"n": 1})), || Some(json!({"n": 11})));
    assert_eq!(told(&state, None, high()), ["g@3 r:in"]);
    assert_eq!(told(&state, low(), high()), ["g@3 r:in"]);
    assert_eq!(told(&state, high(), high()), ["g@3 r:in"]);
    assert_eq!(told(&state, high(), low()), ["g@3 r:out"]);
    assert_eq!(told(&state, high(), None), ["g@3 r:out"]);
    assert!(
        told(&state, low(), low()).is_empty()
            && told(&state, low(), None).is_empty()
            && told(&state, None, low()).is_empty()
    );
}

#[test]
fn each_gateway_is_told_once_of_its_own_rooms() {
    let mut state = RoomsState::new(4, 10);
    subscribe(&mut state, "g", "all", "c", &json!({}));
    subscribe(&mut state, "g", "one", "c", &json!({"equals": {"n": 1}}));
    subscribe(&mut state, "h", "one", "c", &json!({"equals": {"n": 1}}));
    subscribe(&mut state, "h", "elsewhere", "d", &json!({}));
    assert_eq!(
        told(&state, Some(json!({"n": 1})), Some(json!({"n": 2}))),
        ["g@3 all:in one:out", "h@3 one:out"]
    );
}

#[test]
fn filters_see_the_id() {
    let mut state = RoomsState::new(4, 10);
    subscribe(
        &mut state,
        "g",
        "7",
        "c",
        &json!({"ids": {"values": ["7"]}}),
    );
    subscribe(
        &mut state,
        "g",
        "8",
        "c",
        &json!({"ids": {"values": ["8"]}}),
    );
    assert_eq!(told(&state, None, Some(json!({"_id": "8"}))), ["g@3 7:in"]);
}

#[test]
fn what_is_only_decided_is_told_to_whoever_asked_for_that() {
    let mut state = RoomsState::new(4, 10);
    subscribe(&mut state, "g", "all", "c", &json!({}));
    subscribe(&mut state, "h", "all", "c", &json!({}));
    let decided = |state: &RoomsState| {
        told_as(
            state,
            None,
            Some(json!({"n": 1})),
            notification::State::Pending,
        )
    };
    assert!(decided(&state).is_empty());
    subscribe_with(
        &mut state,
        "h",
        "one",
        "c",
        &json!({"equals": {"n": 1}}),
        true,
    );
    assert_eq!(decided(&state), ["h@3 one:in"]);
    assert_eq!(
        told(&state, None, Some(json!({"n": 1}))),
        ["g@3 all:in", "h@3 all:in one:in"]
    );
}
