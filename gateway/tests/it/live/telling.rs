//! Who is told what.

use super::app;
use crate::socket::Socket;
use event_schema::notification::{PresenceChange, Scope, State};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn each_channel_is_told_what_it_asked_for_once() {
    let (app, stage) = app(|_| {}).await;
    let to = stage.gateway().await;
    let mut done = Socket::connect(app.address).await;
    let (room, channel) = done.subscribe(json!({}), json!({})).await;
    let mut pending = Socket::connect(app.address).await;
    let (_, early) = pending
        .subscribe(json!({}), json!({"state": "pending", "scope": "in"}))
        .await;
    let mut both = Socket::connect(app.address).await;
    both.subscribe(json!({}), json!({"state": "all"})).await;
    both.subscribe(json!({}), json!({"scope": "out"})).await;
    stage
        .push(&to, &room, Scope::In, State::Pending, json!({"n": 1}))
        .await;
    stage
        .push(&to, &room, Scope::In, State::Done, json!({"n": 1}))
        .await;
    stage
        .push(&to, &room, Scope::Out, State::Done, json!({"n": 2}))
        .await;
    let told = done.next().await;
    assert_eq!(
        (&told["room"], &told["state"], &told["scope"]),
        (&json!(channel), &json!("done"), &json!("in"))
    );
    assert_eq!(
        (&told["type"], &told["result"]["_source"]),
        (&json!("document"), &json!({"n": 1}))
    );
    assert!(told["token"].as_str().unwrap().starts_with("t1."));
    assert_eq!(done.next().await["scope"], "out");
    let told = pending.next().await;
    assert_eq!(
        (&told["room"], &told["state"]),
        (&json!(early), &json!("pending"))
    );
    pending.silent(Duration::from_millis(200)).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let told = both.next().await;
        seen.push((
            told["state"].as_str().unwrap().to_owned(),
            told["scope"].as_str().unwrap().to_owned(),
        ));
    }
    let wanted = [
        ("pending", "in"),
        ("done", "in"),
        ("done", "out"),
        ("done", "out"),
    ]
    .map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(seen, wanted);
    both.silent(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn nothing_is_told_after_the_answer_to_leaving() {
    let (app, stage) = app(|_| {}).await;
    let to = stage.gateway().await;
    let mut socket = Socket::connect(app.address).await;
    let (room, _) = socket.subscribe(json!({}), json!({})).await;
    let telling = tokio::spawn({
        let (stage, to, room) = (stage.clone(), to.clone(), room.clone());
        async move {
            for n in 0..200 {
                stage
                    .push(&to, &room, Scope::In, State::Done, json!({"n": n}))
                    .await;
            }
        }
    });
    let first = socket.next().await;
    assert_eq!(first["result"]["_source"], json!({"n": 0}));
    let leave = json!({"controller": "realtime", "action": "unsubscribe", "body": {"roomId": room}, "requestId": "leave"});
    socket.send(leave.to_string()).await;
    let mut wanted = 1;
    loop {
        let came = socket.next().await;
        if came["requestId"] == "leave" && came.get("type").is_none() {
            break;
        }
        assert_eq!(
            came["result"]["_source"],
            json!({"n": wanted}),
            "in order, none left out"
        );
        wanted += 1;
    }
    telling.await.unwrap();
    socket.silent(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn users_are_told_to_those_who_asked() {
    let (app, stage) = app(|_| {}).await;
    let to = stage.gateway().await;
    let mut all = Socket::connect(app.address).await;
    let (room, channel) = all
        .subscribe(json!({}), json!({"users": "all", "scope": "none"}))
        .await;
    let mut out = Socket::connect(app.address).await;
    out.subscribe(json!({}), json!({"users": "out"})).await;
    stage.presence(&to, &room, PresenceChange::In, 3).await;
    stage.presence(&to, &room, PresenceChange::Out, 2).await;
    stage
        .push(&to, &room, Scope::In, State::Done, json!({}))
        .await;
    let told = all.next().await;
    assert_eq!(
        (&told["type"], &told["user"], &told["room"]),
        (&json!("user"), &json!("in"), &json!(channel))
    );
    assert_eq!(
        (&told["result"], &told["volatile"]),
        (&json!({"count": 3}), &json!({"name": "Ann"}))
    );
    assert_eq!(all.next().await["user"], "out");
    all.silent(Duration::from_millis(200)).await;
    assert_eq!(out.next().await["user"], "out");
    assert_eq!(out.next().await["type"], "document");
}

#[tokio::test]
async fn mail_for_others_is_not_ours() {
    let (app, stage) = app(|_| {}).await;
    let to = stage.gateway().await;
    let mut socket = Socket::connect(app.address).await;
    let (room, _) = socket.subscribe(json!({}), json!({})).await;
    let mut other = to.clone();
    other.instance = "somebody".into();
    stage
        .push(&other, &room, Scope::In, State::Done, json!({"n": 1}))
        .await;
    stage
        .push(&to, "no such room", Scope::In, State::Done, json!({"n": 2}))
        .await;
    stage
        .push(&to, &room, Scope::In, State::Done, json!({"n": 3}))
        .await;
    let told: Value = socket.next().await;
    assert_eq!(told["result"]["_source"], json!({"n": 3}));
}
