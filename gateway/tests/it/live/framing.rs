//! The transport itself: frames, pings, compression, and requests side by side.

use super::app;
use crate::{harness::Builder, raw::Raw, socket::Socket};
use event_schema::notification::{Scope, State};
use flate2::{Decompress, FlushDecompress};
use futures::{SinkExt, StreamExt};
use gateway::{Config, config::Live};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

fn now() -> Value {
    json!({"controller": "server", "action": "now"})
}

#[tokio::test]
async fn pings_of_both_kinds_are_answered() {
    let (app, _stage) = app(|_| {}).await;
    let mut socket = Socket::connect(app.address).await;
    socket.send(r#"{"p":1}"#).await;
    assert_eq!(socket.next().await, json!({"p": 2}));
    socket
        .stream
        .send(Message::Ping("there?".into()))
        .await
        .unwrap();
    match socket.stream.next().await.unwrap().unwrap() {
        Message::Pong(carried) => assert_eq!(&carried[..], b"there?"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_request_is_answered_and_the_connection_stays() {
    let (app, _stage) = app(|_| {}).await;
    let mut socket = Socket::connect(app.address).await;
    for (sent, status, id) in [
        ("{", 400, "network.websocket.unexpected_error"),
        ("[]", 400, "network.websocket.unexpected_error"),
        ("{}", 400, "api.assert.missing_argument"),
        (
            r#"{"controller":"server"}"#,
            400,
            "api.assert.missing_argument",
        ),
        (
            r#"{"controller":"server","action":"now","requestId":3}"#,
            400,
            "api.assert.invalid_type",
        ),
        (
            r#"{"controller":"nobody","action":"x"}"#,
            404,
            "api.process.controller_not_found",
        ),
        (
            r#"{"controller":"realtime","action":"x"}"#,
            404,
            "api.process.action_not_found",
        ),
    ] {
        socket.send(sent).await;
        let answer = socket.next().await;
        assert_eq!(
            (answer["status"].as_u64(), answer["error"]["id"].as_str()),
            (Some(status), Some(id)),
            "{sent}: {answer}"
        );
        assert!(answer["room"].is_string());
    }
    socket
        .stream
        .send(Message::Binary(vec![0xff, 0, 3].into()))
        .await
        .unwrap();
    assert_eq!(
        socket.next().await["error"]["id"],
        "network.websocket.unexpected_error"
    );
    socket
        .stream
        .send(Message::Binary(now().to_string().into()))
        .await
        .unwrap();
    assert_eq!(socket.next().await["status"], 200);
    socket.stream.send(Message::text("")).await.unwrap();
    assert_eq!(socket.ask(now()).await["status"], 200);
}

#[tokio::test]
async fn many_requests_side_by_side_are_each_answered() {
    let (app, _stage) = app(|live| live.requests_in_hand = 3).await;
    let mut socket = Socket::connect(app.address).await;
    let mut asked = Vec::new();
    for _ in 0..2_000 {
        asked.push(socket.begin(now()).await);
    }
    for id in asked {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
}

#[tokio::test]
async fn more_than_may_wait_is_refused_not_forgotten() {
    let (app, stage) = app(|live| (live.requests_in_hand, live.requests_waiting) = (2, 5)).await;
    stage
        .knows
        .store(false, std::sync::atomic::Ordering::Relaxed);
    let mut socket = Socket::connect(app.address).await;
    let mut asked = Vec::new();
    for n in 0..10 {
        let body = json!({"equals": {"a": n}});
        let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": body});
        asked.push(socket.begin(request).await);
    }
    for id in &asked[7..] {
        let answer = socket.answer(id).await;
        assert_eq!(
            (answer["status"].as_u64(), answer["error"]["id"].as_str()),
            (Some(503), Some("api.process.overloaded"))
        );
    }
    stage
        .knows
        .store(true, std::sync::atomic::Ordering::Relaxed);
    for id in &asked[..7] {
        assert_eq!(socket.answer(id).await["status"], 200);
    }
}

#[tokio::test]
async fn a_listener_that_says_nothing_stays() {
    let live = Live {
        heartbeat_millis: 100,
        ping_seconds: 1,
        pong_seconds: 1,
        ..Live::default()
    };
    let config = Config {
        live,
        header_timeout_seconds: 1,
        stall_timeout_seconds: 1,
        ..Config::default()
    };
    let app = Builder {
        worker: false,
        config,
        ..Builder::default()
    }
    .start()
    .await;
    let stage = crate::stage::Stage::open(&app);
    let to = stage.gateway().await;
    let mut socket = Socket::connect(app.address).await;
    let (room, _) = socket.subscribe(json!({}), json!({})).await;
    // The client's library answers pings while it reads.
    socket.silent(Duration::from_secs(5)).await;
    stage
        .push(&to, &room, Scope::In, State::Done, json!({"n": 1}))
        .await;
    assert_eq!(socket.next().await["result"]["_source"], json!({"n": 1}));
}

/// Upgrades by hand.
async fn upgrade(address: std::net::SocketAddr, rest: &str) -> (Raw, String) {
    let mut raw = Raw::connect(address).await;
    raw.send(format!(
        "GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \
         dGhlIHNhbXBsZSBub25jZQ==\r\n{rest}\r\n"
    ))
    .await;
    let head = raw.until("\r\n\r\n").await;
    (raw, head)
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | 126];
    frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[1, 2, 3, 4]);
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(n, byte)| byte ^ [1, 2, 3, 4][n % 4]),
    );
    frame
}

#[tokio::test]
async fn compression_is_agreed_on_and_used_where_it_is_worth_it() {
    let (app, stage) = app(|_| {}).await;
    let to = stage.gateway().await;
    let (mut raw, head) = upgrade(
        app.address,
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    )
    .await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(
        head.to_lowercase()
            .contains("permessage-deflate; server_no_context_takeover"),
        "{head}"
    );
    let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {}, "requestId": "s"});
    raw.0
        .write_all(&masked(0x81, request.to_string().as_bytes()))
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&frame(&mut raw, 0x81).await).unwrap();
    let room = answer["result"]["roomId"].as_str().unwrap();
    stage
        .push(
            &to,
            room,
            Scope::In,
            State::Done,
            json!({"long": "again and again ".repeat(500)}),
        )
        .await;
    let packed = frame(&mut raw, 0xC1).await;
    assert!(packed.len() < 2_000, "{}", packed.len());
    let mut plain = Vec::with_capacity(20_000);
    let packed = [packed.as_slice(), &[0, 0, 0xff, 0xff]].concat();
    Decompress::new(false)
        .decompress_vec(&packed, &mut plain, FlushDecompress::Sync)
        .unwrap();
    let told: Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(
        told["result"]["_source"]["long"].as_str().unwrap().len(),
        8_000
    );
}

/// The payload of the next frame, which begins with this byte.
async fn frame(raw: &mut Raw, first: u8) -> Vec<u8> {
    let mut head = [0; 2];
    raw.0.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], first, "{head:?}");
    let length = match head[1] {
        126 => usize::from(raw.0.read_u16().await.unwrap()),
        127 => raw.0.read_u64().await.unwrap() as usize,
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    raw.0.read_exact(&mut payload).await.unwrap();
    payload
}

#[tokio::test]
async fn what_is_no_upgrade_is_answered_as_a_request() {
    let (app, _stage) = app(|_| {}).await;
    let mut raw = Raw::connect(app.address).await;
    raw.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n").await;
    let answer = raw.until("\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 426")
            && answer.to_lowercase().contains("sec-websocket-version: 13"),
        "{answer}"
    );
    let answer = app
        .get("/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_client_error());
}

#[tokio::test]
async fn a_connection_that_vanishes_half_way_is_found() {
    let (app, stage) =
        app(|live| (live.ping_seconds, live.pong_seconds, live.close_seconds) = (1, 1, 1)).await;
    let (mut raw, _) = upgrade(app.address, "").await;
    let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {}, "requestId": "s"});
    raw.0
        .write_all(&masked(0x81, request.to_string().as_bytes()))
        .await
        .unwrap();
    frame(&mut raw, 0x81).await;
    // It stays open, but nobody is there any more who would answer a ping.
    let begun = Instant::now();
    let left = |record: &event_schema::membership::MembershipRecord| {
        matches!(
            record,
            event_schema::membership::MembershipRecord::Unsubscribed(_, None)
        )
    };
    stage
        .until("it was found", |records| records.iter().any(left))
        .await;
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert_eq!(frame(&mut raw, 0x89).await, b"");
    assert_eq!(frame(&mut raw, 0x88).await[..2], 1013_u16.to_be_bytes());
}
