//! From a write to whoever listens: gateways, a worker and notifiers, all real.

use crate::{
    harness::{App, Builder, city, told},
    socket::Socket,
};
use gateway::{Config, config::Live};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{io::AsyncReadExt, net::TcpSocket};

pub async fn app() -> App {
    let app = Builder::default().start().await;
    app.notifier("n1");
    app.cities().await;
    app
}

/// Writes, and waits until it is applied.
pub async fn write(app: &App, operation: &str, body: Value) -> Value {
    let request = app
        .post(&format!("/v1/operations/{operation}"), &body)
        .header("prefer", "wait=10");
    let (status, _, answer) = told(request).await;
    assert!(status.is_success(), "{answer}");
    answer
}

pub fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {told}"))
}

#[tokio::test]
async fn a_write_is_told_when_decided_and_when_done() {
    let app = app().await;
    let mut done = Socket::connect(app.address).await;
    let (room, channel) = done
        .subscribe(json!({"range": {"population": {"gte": 5}}}), json!({}))
        .await;
    let mut both = Socket::connect(app.address).await;
    let again = json!({"range": {"population": {"gte": 5}}});
    assert_eq!(both.subscribe(again, json!({"state": "all"})).await.0, room);
    write(&app, "document.create", city("1", "Ulm")).await;
    let came = done.next().await;
    assert_eq!(
        (
            text(&came, "type"),
            text(&came, "event"),
            text(&came, "action")
        ),
        ("document", "write", "create")
    );
    assert_eq!(
        (
            text(&came, "scope"),
            text(&came, "state"),
            text(&came, "room")
        ),
        ("in", "done", channel.as_str())
    );
    assert_eq!(
        (
            text(&came["result"], "_id"),
            &came["result"]["_source"]["name"]
        ),
        ("1", &json!("Ulm"))
    );
    assert_eq!(came["result"]["_version"], 1);
    let (_, _, read) = told(app.get(&format!(
        "/v1/documents/geo/cities/1?after={}",
        text(&came, "token")
    )))
    .await;
    assert_eq!(read["_id"], "1", "{read}");
    let states = [both.next().await, both.next().await].map(|came| text(&came, "state").to_owned());
    assert_eq!(states, ["pending", "done"]);
    write(
        &app,
        "document.update",
        json!({"index": "geo", "collection": "cities", "_id": "1", "body": {"population": 1}}),
    )
    .await;
    let came = done.next().await;
    assert_eq!(
        (text(&came, "scope"), text(&came, "action")),
        ("out", "update")
    );
    assert_eq!(came["result"]["_updatedFields"], json!(["population"]));
    write(
        &app,
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "2", "body": {"population": 2}}),
    )
    .await;
    done.silent(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn the_writer_hears_itself_with_what_it_said() {
    let app = app().await;
    let mut socket = Socket::connect(app.address).await;
    let (_, channel) = socket
        .subscribe(json!({"ids": {"values": ["1"]}}), json!({"state": "all"}))
        .await;
    let document = json!({"index": "geo", "collection": "cities", "_id": "1", "volatile": {"why": "test"}, "controller": "document"});
    let ask = |action: &str, body: Value| {
        let mut request = document.clone();
        (request["action"], request["body"]) = (action.into(), body);
        request
    };
    let id = socket.begin(ask("create", json!({"name": "Ulm"}))).await;
    let answer = socket.answer(&id).await;
    assert_eq!(
        (&answer["status"], &answer["result"]["_id"]),
        (&json!(200), &json!("1")),
        "{answer}"
    );
    for state in ["pending", "done"] {
        let came = socket.next().await;
        assert_eq!(
            (
                text(&came, "state"),
                text(&came, "room"),
                text(&came, "requestId")
            ),
            (state, channel.as_str(), id.as_str())
        );
        assert_eq!(
            (
                text(&came, "controller"),
                text(&came, "action"),
                text(&came, "protocol")
            ),
            ("document", "create", "websocket")
        );
        assert_eq!(
            (&came["volatile"], &came["result"]["_version"]),
            (&json!({"why": "test"}), &json!(1))
        );
        assert!(
            came["result"]["_source"]["_kuzzle_info"]["createdAt"].is_u64(),
            "{came}"
        );
    }
    assert_eq!(socket.ask(ask("delete", Value::Null)).await["status"], 200);
    for state in ["pending", "done"] {
        let came = socket.next().await;
        assert_eq!(
            (
                text(&came, "state"),
                text(&came, "event"),
                text(&came, "scope")
            ),
            (state, "delete", "out")
        );
    }
    let publish = json!({"controller": "realtime", "action": "publish", "index": "geo", "collection": "cities", "_id": "1", "body": {"hello": 1}});
    assert_eq!(
        socket.ask(publish).await["result"],
        json!({"published": true})
    );
    let came = socket.next().await;
    assert_eq!(
        (text(&came, "event"), &came["result"]["_source"]["hello"]),
        ("publish", &json!(1))
    );
}

#[tokio::test]
async fn a_message_is_told_and_stored_nowhere() {
    let app = app().await;
    let mut socket = Socket::connect(app.address).await;
    socket
        .subscribe(json!({"equals": {"kind": "hello"}}), json!({}))
        .await;
    let message = json!({"index": "geo", "collection": "cities", "body": {"kind": "hello"}});
    let (status, _, _) = told(app.post("/v1/operations/realtime.publish", &message)).await;
    assert!(status.is_success());
    let came = socket.next().await;
    assert_eq!(
        (
            text(&came, "event"),
            text(&came, "action"),
            text(&came, "controller")
        ),
        ("publish", "publish", "realtime")
    );
    assert_eq!(came["result"]["_source"]["kind"], "hello");
}

fn user(came: &Value) -> (&str, u64, &Value) {
    assert_eq!(came["type"], "user", "{came}");
    (
        text(came, "user"),
        came["result"]["count"].as_u64().unwrap(),
        &came["volatile"],
    )
}

#[tokio::test]
async fn users_come_and_go_over_two_gateways() {
    let app = app().await;
    let other = app.sibling(Config::default()).await;
    let mut ann = Socket::connect(app.address).await;
    let (room, _) = ann
        .subscribe(
            json!({}),
            json!({"users": "all", "volatile": {"name": "Ann"}}),
        )
        .await;
    let mut bob = Socket::connect(other).await;
    bob.subscribe(
        json!({}),
        json!({"users": "out", "volatile": {"name": "Bob"}}),
    )
    .await;
    assert_eq!(user(&ann.next().await), ("in", 2, &json!({"name": "Bob"})));
    let mut eve = Socket::connect(app.address).await;
    eve.subscribe(json!({}), json!({"volatile": {"name": "Eve"}}))
        .await;
    assert_eq!(user(&ann.next().await), ("in", 3, &json!({"name": "Eve"})));
    let leave = json!({"controller": "realtime", "action": "unsubscribe", "body": {"roomId": room}, "volatile": {"bye": true}});
    assert_eq!(eve.ask(leave).await["status"], 200);
    for listener in [&mut ann, &mut bob] {
        let came = listener.next().await;
        assert_eq!(user(&came), ("out", 2, &json!({"bye": true})));
        assert_eq!(came["protocol"], "websocket");
    }
    drop(ann);
    let came = bob.next().await;
    assert_eq!(user(&came), ("out", 1, &json!({"name": "Ann"})));
    assert_eq!(came["protocol"], Value::Null);
    bob.silent(Duration::from_millis(200)).await;
    let count = bob
        .ask(json!({"controller": "realtime", "action": "count", "body": {"roomId": room}}))
        .await;
    assert_eq!(count["result"], json!({"count": 1}));
}

#[tokio::test]
async fn nothing_is_missed_from_the_answer_on_while_writes_go_on() {
    let app = app().await;
    app.notifier("n2");
    let writer = {
        let (client, url) = (
            app.client.clone(),
            app.url("/v1/operations/document.create"),
        );
        tokio::spawn(async move {
            for n in 0..300 {
                let body = json!({"index": "geo", "collection": "cities", "_id": n.to_string(), "body": {"population": n}});
                let answer = client
                    .post(&url)
                    .header("prefer", "wait=10")
                    .json(&body)
                    .send()
                    .await
                    .unwrap();
                assert!(answer.status().is_success());
            }
        })
    };
    let mut listeners = Vec::new();
    for room in 0..10 {
        let mut socket = Socket::connect(app.address).await;
        let filter = json!({"range": {"population": {"gte": -1 - room}}});
        socket.subscribe(filter, json!({})).await;
        listeners.push(socket);
    }
    writer.await.unwrap();
    for mut socket in listeners {
        let mut seen = std::collections::BTreeSet::new();
        while !seen.contains(&299) {
            let came = socket.next().await;
            seen.insert(came["result"]["_source"]["population"].as_u64().unwrap());
        }
        let first = *seen.first().unwrap();
        assert_eq!(
            seen.len() as u64,
            300 - first,
            "from {first} on something is missing"
        );
    }
}

#[tokio::test]
async fn five_thousand_subscriptions_become_active() {
    let app = app().await;
    let mut socket = Socket::connect(app.address).await;
    let mut asked = Vec::new();
    for n in 0..5_000 {
        let body = json!({"equals": {"population": n}});
        let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": body});
        asked.push(socket.begin(request).await);
    }
    for id in asked {
        assert_eq!(socket.answer(&id).await["status"], 200);
    }
    write(
        &app,
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "1", "body": {"population": 4_321}}),
    )
    .await;
    assert_eq!(socket.next().await["result"]["_id"], "1");
    socket.silent(Duration::from_millis(200)).await;
}

/// Subscribes by hand, with a small window, and then reads a byte now and then.
async fn drip(address: SocketAddr) -> tokio::task::JoinHandle<usize> {
    let small = TcpSocket::new_v4().unwrap();
    small.set_recv_buffer_size(4096).unwrap();
    let stream = small.connect(address).await.unwrap();
    let (mut stream, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), stream)
        .await
        .unwrap();
    let request = json!({"controller": "realtime", "action": "subscribe", "index": "geo", "collection": "cities", "body": {}});
    futures::SinkExt::send(&mut stream, request.to_string().into())
        .await
        .unwrap();
    assert!(futures::StreamExt::next(&mut stream).await.unwrap().is_ok());
    tokio::spawn(async move {
        let mut read = 0;
        let mut byte = [0];
        while let Ok(1) = stream.get_mut().read(&mut byte).await {
            read += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        read
    })
}

#[tokio::test]
async fn a_byte_a_second_is_nobody_elses_trouble() {
    let live = Live {
        outbox_bytes: 256 << 10,
        close_seconds: 1,
        ..Live::default()
    };
    let app = Builder {
        config: Config {
            live,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    app.notifier("n1");
    app.cities().await;
    let dripping = drip(app.address).await;
    let mut well = Socket::connect(app.address).await;
    let (room, _) = well.subscribe(json!({}), json!({})).await;
    let mut slowest = Duration::ZERO;
    for n in 0..100 {
        let begun = Instant::now();
        let body = json!({"population": n, "text": "x".repeat(100_000)});
        write(
            &app,
            "document.create",
            json!({"index": "geo", "collection": "cities", "_id": n.to_string(), "body": body}),
        )
        .await;
        assert_eq!(well.next().await["result"]["_id"], n.to_string());
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let count = json!({"controller": "realtime", "action": "count", "body": {"roomId": room}});
    let begun = Instant::now();
    while well.ask(count.clone()).await["result"]["count"] != 1 {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the slow one is still there"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    dripping.abort();
}
