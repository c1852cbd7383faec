//! Subscribing and leaving, and what of it others can read in the log.

use super::app;
use crate::{harness::App, socket::Socket, stage::Stage};
use event_schema::{
    membership::{MembershipRecord, PresenceFilter},
    notification::{Mail, Progress},
};
use gateway::Config;
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};

fn realtime(action: &str, body: Value) -> Value {
    json!({"controller": "realtime", "action": action, "body": body})
}

fn error(answer: &Value) -> (u64, &str) {
    (
        answer["status"].as_u64().unwrap(),
        answer["error"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}")),
    )
}

async fn left(stage: &Stage, said: bool) {
    let found = |record: &MembershipRecord| matches!(record, MembershipRecord::Unsubscribed(_, volatile) if volatile.is_some() == said);
    stage
        .until("a seat is given up", |records| records.iter().any(found))
        .await;
}

#[tokio::test]
async fn equal_filters_share_a_room_and_options_name_the_channel() {
    let (app, stage) = app(|_| {}).await;
    let mut ann = Socket::connect(app.address).await;
    let (room, channel) = ann.subscribe(json!({"equals": {"a": 1}}), json!({})).await;
    assert_eq!((room.len(), channel), (64, format!("{room}-311")));
    let again = ann
        .subscribe(
            json!({"and": [{"equals": {"a": 1}}]}),
            json!({"users": "all", "scope": "in", "state": "all"}),
        )
        .await;
    assert_eq!(again, (room.clone(), format!("{room}-112a")));
    let mut bob = Socket::connect_to(app.address, "/any/path?at=all").await;
    let joined = bob.ask(realtime("join", json!({"roomId": room}))).await;
    assert_eq!(
        (&joined["result"]["roomId"], &joined["result"]["channel"]),
        (&json!(room), &json!(format!("{room}-311")))
    );
    let count = bob.ask(realtime("count", json!({"roomId": room}))).await;
    assert_eq!(
        (&count["result"], &count["room"], &count["error"]),
        (&json!({"count": 2}), &count["requestId"], &Value::Null)
    );
    assert_eq!(
        bob.ask(realtime("list", Value::Null)).await["result"],
        json!({"geo": {"cities": {room.as_str(): 2}}})
    );
    let other = bob
        .subscribe(json!({"equals": {"a": 2}}), json!({}))
        .await
        .0;
    assert_ne!(room, other);
    let seats = |records: &[MembershipRecord]| {
        let all = records.iter().filter_map(|record| match record {
            MembershipRecord::Subscribed(seat, subscription) if seat.room == room => {
                Some(subscription.users)
            }
            MembershipRecord::Subscribed(..)
            | MembershipRecord::Unsubscribed(..)
            | MembershipRecord::Heartbeat(_)
            | MembershipRecord::GatewayExpired { .. }
            | MembershipRecord::PartitionClaimed(_) => None,
        });
        all.collect::<Vec<_>>()
    };
    stage
        .until("three records", |records| {
            seats(records)
                == [
                    PresenceFilter::None,
                    PresenceFilter::All,
                    PresenceFilter::None,
                ]
        })
        .await;
}

#[tokio::test]
async fn leaving_is_told_with_what_was_said_and_without_when_it_just_ends() {
    let (app, stage) = app(|_| {}).await;
    let mut socket = Socket::connect(app.address).await;
    let (room, _) = socket
        .subscribe(json!({}), json!({"volatile": {"name": "Ann"}}))
        .await;
    let mut leave = realtime("unsubscribe", json!({"roomId": room}));
    leave["volatile"] = json!({"bye": true});
    assert_eq!(
        socket.ask(leave.clone()).await["result"],
        json!({"roomId": room})
    );
    left(&stage, true).await;
    assert_eq!(
        error(&socket.ask(leave).await),
        (412, "core.realtime.not_subscribed")
    );
    socket.subscribe(json!({}), json!({})).await;
    drop(socket);
    left(&stage, false).await;
    let mut other = Socket::connect(app.address).await;
    assert_eq!(
        other.ask(realtime("count", json!({"roomId": room}))).await["result"],
        json!({"count": 0})
    );
    assert_eq!(
        other.ask(realtime("list", Value::Null)).await["result"],
        json!({})
    );
}

#[tokio::test]
async fn an_answer_waits_until_the_room_is_known_everywhere() {
    let (app, stage) = app(|_| {}).await;
    stage.knows.store(false, Ordering::Relaxed);
    let mut socket = Socket::connect(app.address).await;
    let id =
        socket.begin(json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {}})).await;
    assert!(
        socket
            .ask(json!({"controller": "server", "action": "now"}))
            .await["result"]["now"]
            .is_u64()
    );
    socket.silent(Duration::from_millis(300)).await;
    stage.knows.store(true, Ordering::Relaxed);
    assert_eq!(socket.answer(&id).await["status"], 200);
}

#[tokio::test]
async fn without_notifiers_a_subscription_is_refused_in_time_and_leaves_nothing() {
    let (app, stage) = app(|live| live.subscribe_timeout_seconds = 1).await;
    stage.knows.store(false, Ordering::Relaxed);
    let mut socket = Socket::connect(app.address).await;
    let subscribe = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {}});
    assert_eq!(
        error(&socket.ask(subscribe).await),
        (504, "core.realtime.not_active")
    );
    stage.knows.store(true, Ordering::Relaxed);
    left(&stage, false).await;
    assert_eq!(
        socket.ask(realtime("list", Value::Null)).await["result"],
        json!({})
    );
}

#[tokio::test]
async fn what_is_wrong_has_kuzzles_errors() {
    let (app, _stage) =
        app(|live| (live.rooms_per_connection, live.filter_conditions) = (1, 2)).await;
    let mut socket = Socket::connect(app.address).await;
    let with = |name: &str, value: Value| {
        let mut request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {}});
        request[name] = value;
        request
    };
    for (request, wanted) in [
        (
            with("index", Value::Null),
            (400, "api.assert.missing_argument"),
        ),
        (
            with("collection", Value::Null),
            (400, "api.assert.missing_argument"),
        ),
        (with("body", Value::Null), (400, "api.assert.body_required")),
        (
            with("body", json!({"equals": 3})),
            (400, "api.assert.koncorde_dsl_error"),
        ),
        (
            with("body", json!({"in": {"a": ["1", "2", "3"]}})),
            (413, "core.realtime.too_many_terms"),
        ),
        (
            with("scope", json!("some")),
            (400, "core.realtime.invalid_scope"),
        ),
        (
            with("users", json!("some")),
            (400, "core.realtime.invalid_users"),
        ),
        (
            with("state", json!("some")),
            (400, "core.realtime.invalid_state"),
        ),
        (with("scope", json!(1)), (400, "api.assert.invalid_type")),
        (
            realtime("join", json!({"roomId": "none"})),
            (404, "core.realtime.room_not_found"),
        ),
        (
            realtime("join", json!({})),
            (400, "api.assert.missing_argument"),
        ),
        (
            realtime("unsubscribe", json!({"roomId": 3})),
            (400, "api.assert.invalid_type"),
        ),
    ] {
        let answer = socket.ask(request.clone()).await;
        assert_eq!(error(&answer), wanted, "{request}");
    }
    socket.subscribe(json!({}), json!({})).await;
    assert_eq!(
        error(&socket.ask(with("body", json!({"equals": {"a": 1}}))).await),
        (413, "core.realtime.too_many_rooms")
    );
    let over_http = app
        .post("/_query", &with("body", json!({})))
        .send()
        .await
        .unwrap();
    assert_eq!(over_http.status(), 400);
}

async fn seated(app: &App) -> (Socket, String) {
    let mut socket = Socket::connect(app.address).await;
    let room = socket.subscribe(json!({}), json!({})).await.0;
    (socket, room)
}

#[tokio::test]
async fn when_changes_were_deleted_untold_subscribers_are_sent_to_come_again() {
    let (app, stage) = app(|_| {}).await;
    let (mut socket, _) = seated(&app).await;
    let mut idle = Socket::connect(app.address).await;
    let gateway = stage.gateway().await;
    let missed = Progress {
        instance: gateway.instance.clone(),
        notifier: "n".into(),
        owners: Vec::new(),
        missed: vec![1],
        rooms: 0,
    };
    stage.mail(&gateway, Mail::Progress(missed)).await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1012);
    assert!(reason.contains("missed"), "{reason}");
    idle.subscribe(json!({}), json!({})).await;
}

#[tokio::test]
async fn taken_for_dead_the_gateway_sends_its_subscribers_to_come_again() {
    let (app, stage) = app(|_| {}).await;
    let (mut socket, room) = seated(&app).await;
    let mut idle = Socket::connect(app.address).await;
    let before = stage.gateway().await;
    stage
        .append(&MembershipRecord::GatewayExpired {
            instance: before.instance.clone(),
        })
        .await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1012);
    assert!(reason.contains("subscribe again"), "{reason}");
    stage
        .until("another name", |records| {
            records.iter().any(|record| matches!(record, MembershipRecord::Heartbeat(beat) if beat.reply.instance != before.instance))
        })
        .await;
    assert_eq!(idle.subscribe(json!({}), json!({})).await.0, room);
    assert_eq!(
        idle.ask(realtime("count", json!({"roomId": room}))).await["result"],
        json!({"count": 1})
    );
    let after = stage.gateway().await;
    stage
        .push(
            &after,
            &room,
            event_schema::notification::Scope::In,
            event_schema::notification::State::Done,
            json!({"a": 1}),
        )
        .await;
    assert_eq!(idle.next().await["result"]["_source"], json!({"a": 1}));
}

#[tokio::test]
async fn stopping_answers_what_is_in_hand_and_says_goodbye() {
    let (mut app, stage) = app(|_| {}).await;
    let (mut socket, _) = seated(&app).await;
    stage.knows.store(false, Ordering::Relaxed);
    let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {"exists": "a"}});
    let id = socket.begin(request).await;
    socket
        .ask(json!({"controller": "server", "action": "now"}))
        .await;
    app.trigger.soft();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = socket
        .ask(json!({"controller": "server", "action": "now"}))
        .await;
    assert_eq!(error(&refused), (503, "api.process.shutting_down"));
    stage.knows.store(true, Ordering::Relaxed);
    assert_eq!(socket.answer(&id).await["status"], 200);
    assert_eq!(socket.closed().await.0, 1001);
    app.gateway.take().unwrap().await.unwrap().unwrap();
    let ended = |records: &[MembershipRecord]| {
        let left = records
            .iter()
            .filter(|record| matches!(record, MembershipRecord::Unsubscribed(..)))
            .count();
        left == 2
            && matches!(
                records.last(),
                Some(MembershipRecord::GatewayExpired { .. })
            )
    };
    stage.until("its last word", ended).await;
}

#[tokio::test]
async fn two_gateways_count_together() {
    let (app, _stage) = app(|_| {}).await;
    let other = app.sibling(Config::default()).await;
    let (_here, room) = seated(&app).await;
    let mut there = Socket::connect(other).await;
    assert_eq!(there.subscribe(json!({}), json!({})).await.0, room);
    assert_eq!(
        there.ask(realtime("count", json!({"roomId": room}))).await["result"],
        json!({"count": 2})
    );
}
