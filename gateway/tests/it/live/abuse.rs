//! Clients that would harm others, if they could.

use super::app;
use crate::{raw::Raw, socket::Socket};
use event_schema::notification::{Scope, State};
use futures::SinkExt;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn sixteen_megabytes_in_one_frame() {
    let (app, _stage) = app(|_| {}).await;
    let mut socket = Socket::connect(app.address).await;
    // The end may come while it is still being sent.
    let sent = tokio::time::timeout(
        Duration::from_secs(20),
        socket.stream.send(Message::text("x".repeat(16 << 20))),
    )
    .await;
    assert!(sent.is_ok());
    assert_eq!(socket.closed().await.0, 1009);
    let mut other = Socket::connect(app.address).await;
    let most =
        json!({"controller": "server", "action": "now", "volatile": {"x": "x".repeat(1 << 20)}});
    assert_eq!(
        other.ask(most).await["status"],
        200,
        "a large one is none too large"
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_is_sent_away_and_nobody_else_waits() {
    // The farewell waits for the slow one longer than this test may take to read it.
    let (app, stage) = app(|live| (live.outbox_bytes, live.close_seconds) = (256 << 10, 60)).await;
    let to = stage.gateway().await;
    let mut well = Socket::connect(app.address).await;
    let (room, _) = well.subscribe(json!({}), json!({})).await;
    let mut slow = Socket::connect(app.address).await;
    slow.subscribe(json!({}), json!({})).await;
    let body = json!({"text": "0123456789abcdef".repeat(4 << 10)});
    // More than the kernel's buffers on both sides take.
    for n in 0..400 {
        let mut body = body.clone();
        body["n"] = n.into();
        stage.push(&to, &room, Scope::In, State::Done, body).await;
        assert_eq!(well.next().await["result"]["_source"]["n"], n);
    }
    let seated = json!({"controller": "realtime", "action": "count", "body": {"roomId": room}});
    let begun = Instant::now();
    while well.ask(seated.clone()).await["result"]["count"] != 1 {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the slow one is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut last = -1;
    let (code, reason) = loop {
        match tokio::time::timeout(
            Duration::from_secs(5),
            futures::StreamExt::next(&mut slow.stream),
        )
        .await
        .unwrap()
        {
            Some(Ok(Message::Text(text))) => {
                let told: serde_json::Value = serde_json::from_str(&text).unwrap();
                let n = told["result"]["_source"]["n"].as_i64().unwrap();
                assert_eq!(n, last + 1, "nothing is left out before the end");
                last = n;
            }
            Some(Ok(Message::Close(Some(frame)))) => {
                break (u16::from(frame.code), frame.reason.to_string());
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(last < 399);
    assert_eq!(code, 1013);
    assert!(reason.contains("again"), "{reason}");
}

#[tokio::test]
async fn five_thousand_subscriptions_on_one_connection() {
    let (app, _stage) = app(|_| {}).await;
    let mut other = Socket::connect(app.address).await;
    let mut socket = Socket::connect(app.address).await;
    let mut asked = Vec::new();
    for n in 0..5_000 {
        let body = json!({"equals": {"n": n}});
        let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": body});
        asked.push(socket.begin(request).await);
    }
    let begun = Instant::now();
    assert_eq!(
        other
            .ask(json!({"controller": "server", "action": "now"}))
            .await["status"],
        200
    );
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    for id in asked {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
    let list = other
        .ask(json!({"controller": "realtime", "action": "list"}))
        .await;
    assert_eq!(
        list["result"]["geo"]["cities"].as_object().unwrap().len(),
        5_000
    );
}

#[tokio::test]
async fn a_flood_of_pings_that_nobody_reads_fills_nothing() {
    let (app, _stage) = app(|_| {}).await;
    let mut socket = Socket::connect(app.address).await;
    let flood = tokio::time::timeout(Duration::from_secs(20), async {
        for _ in 0..200_000 {
            if socket
                .stream
                .feed(Message::Ping(vec![7; 100].into()))
                .await
                .is_err()
            {
                return;
            }
        }
        drop(socket.stream.flush().await);
    });
    drop(flood.await);
    let mut other = Socket::connect(app.address).await;
    assert_eq!(
        other
            .ask(json!({"controller": "server", "action": "now"}))
            .await["status"],
        200
    );
}

#[tokio::test]
async fn connections_of_one_address_are_bounded() {
    let (app, _stage) = app(|live| live.connections_per_address = 4).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(Socket::connect(app.address).await);
    }
    // The test's own HTTP client has one place; this would be the fifth.
    let mut fifth = Raw::connect(app.address).await;
    let mut byte = [0];
    let ended = tokio::time::timeout(Duration::from_secs(5), fifth.0.read(&mut byte))
        .await
        .expect("it is not closed");
    assert!(matches!(ended, Ok(0) | Err(_)));
    drop(open.pop());
    let begun = Instant::now();
    loop {
        let mut next = Raw::connect(app.address).await;
        next.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await;
        if next.rest().await.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "the place is not given back"
        );
    }
}
