//! Coming back with a cursor: what happened in between is told, through the same filter, and then
//! what happens.

use super::pipeline::{app, text, write};
use crate::{
    harness::{App, Builder, told},
    socket::Socket,
};
use event_schema::{
    cursor::{Cursor, CursorScope},
    notification::FeedPosition,
};
use gateway::{Config, config::Live};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

fn large() -> Value {
    json!({"range": {"population": {"gte": 10}}})
}

fn document(id: &str, population: u64) -> Value {
    json!({"index": "geo", "collection": "cities", "_id": id, "body": {"population": population}})
}

/// `id action scope state` of each, with the number in it.
fn shown(told: &Value) -> String {
    let result = &told["result"];
    let number = result["_source"]["population"]
        .as_u64()
        .map(|number| format!(" {number}"))
        .unwrap_or_default();
    format!(
        "{} {} {} {}{number}",
        text(result, "_id"),
        text(told, "action"),
        text(told, "scope"),
        text(told, "state")
    )
}

async fn back(app: &App, filter: Value, mut options: Value, cursor: &str) -> (Socket, Value) {
    options["since"] = cursor.into();
    let mut socket = Socket::connect(app.address).await;
    let answer = socket.ask_to_subscribe(filter, options).await;
    assert_eq!(answer["status"], 200, "{answer}");
    (socket, answer)
}

/// Where a cursor goes on: two that were signed in different seconds differ as texts.
fn positions(app: &App, room: &str, cursor: &str) -> Vec<FeedPosition> {
    let tenant = "default";
    let opened = Cursor::open(cursor, &app.keys, CursorScope { tenant, room }, 0);
    opened.unwrap().points
}

#[tokio::test]
async fn what_happened_in_between_is_told_as_it_was_and_then_what_happens() {
    let app = app().await;
    let mut socket = Socket::connect(app.address).await;
    let options = || json!({"state": "all"});
    let answer = socket.ask_to_subscribe(large(), options()).await;
    assert!(text(&answer["result"], "cursor").starts_with("c1."));
    write(&app, "document.create", document("a", 11)).await;
    let (pending, done) = (socket.next().await, socket.next().await);
    assert_eq!(
        [shown(&pending), shown(&done)],
        ["a create in pending 11", "a create in done 11"]
    );
    drop(socket);

    write(&app, "document.update", document("a", 12)).await;
    write(&app, "document.create", document("small", 1)).await;
    write(&app, "document.update", document("a", 2)).await;
    let silent = json!({"index": "geo", "collection": "cities", "body": {"population": 77}});
    assert!(
        told(app.post("/v1/operations/realtime.publish", &silent))
            .await
            .0
            .is_success()
    );

    let (mut all, answer) = back(&app, large(), options(), text(&done, "cursor")).await;
    let room = text(&answer["result"], "roomId");
    assert_eq!(
        positions(&app, room, text(&answer["result"], "cursor")),
        positions(&app, room, text(&done, "cursor")),
        "nothing was told since"
    );
    let mut heard = Vec::new();
    for _ in 0..5 {
        heard.push(all.next().await);
    }
    let message = heard
        .iter()
        .position(|came| came["event"] == "publish")
        .expect("the message");
    assert_eq!(heard.remove(message)["result"]["_source"]["population"], 77);
    let changes: Vec<_> = heard.iter().map(shown).collect();
    assert_eq!(
        changes,
        [
            "a update in pending 12",
            "a update in done 12",
            "a update out pending 2",
            "a update out done 2"
        ]
    );
    assert_eq!(heard[1]["result"]["_updatedFields"], json!(["population"]));
    assert!(text(&heard[1], "token").starts_with("t1."));
    write(&app, "document.create", document("b", 50)).await;
    assert_eq!(
        [shown(&all.next().await), shown(&all.next().await)],
        ["b create in pending 50", "b create in done 50"]
    );
    all.silent(Duration::from_millis(200)).await;

    // Half of what one record tells is enough to come back in the middle of it.
    let (mut between, _) = back(&app, large(), json!({}), text(&pending, "cursor")).await;
    let mut heard = Vec::new();
    for _ in 0..5 {
        heard.push(between.next().await);
    }
    let of_a: Vec<_> = heard
        .iter()
        .filter(|came| came["result"]["_id"] == "a")
        .map(shown)
        .collect();
    assert_eq!(
        of_a,
        [
            "a create in done 11",
            "a update in done 12",
            "a update out done 2"
        ]
    );
    let (mut out, _) = back(
        &app,
        large(),
        json!({"scope": "out"}),
        text(&done, "cursor"),
    )
    .await;
    assert_eq!(shown(&out.next().await), "a update out done 2");
    out.silent(Duration::from_millis(200)).await;
}

/// Six thousand changes by several writers, a listener that goes and comes all the time, and a
/// second notifier that comes in between.
#[tokio::test]
async fn nothing_is_missed_by_whoever_comes_and_goes() {
    const DOCUMENTS: u64 = 60;
    const ROUNDS: u64 = 100;
    let app = app().await;
    let mut socket = Socket::connect(app.address).await;
    let answer = socket.ask_to_subscribe(json!({}), json!({})).await;
    let mut cursor = text(&answer["result"], "cursor").to_owned();
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            tokio::spawn(write_all(
                app.client.clone(),
                app.url("/v1/operations/document.createOrReplace/_bulk"),
                writer,
            ))
        })
        .collect();
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen: BTreeSet<(String, u64)> = BTreeSet::new();
    let mut visits = 0;
    while seen.len() < (DOCUMENTS * ROUNDS) as usize {
        // How long he stays is different each time.
        for _ in 0..1 + (visits * 37) % 400 {
            if seen.len() == (DOCUMENTS * ROUNDS) as usize {
                break;
            }
            let came = socket.next().await;
            cursor = text(&came, "cursor").to_owned();
            let (id, round) = (
                text(&came["result"], "_id").to_owned(),
                came["result"]["_source"]["population"].as_u64().unwrap(),
            );
            let before = newest.insert(id.clone(), round);
            let repeated = !seen.insert((id.clone(), round));
            assert!(
                repeated || before.is_none_or(|before| before + 1 == round),
                "{id}: {round} after {before:?}"
            );
        }
        visits += 1;
        if visits == 5 {
            app.notifier("n2");
        }
        (socket, _) = back(&app, json!({}), json!({}), &cursor).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(visits > 10, "{visits} visits");

    async fn write_all(client: reqwest::Client, url: String, writer: u64) {
        for round in 1..=ROUNDS {
            let lines: String = (0..DOCUMENTS / 6)
                .map(|n| format!("{}\n", document(&format!("{writer}-{n}"), round)))
                .collect();
            let answer = client
                .post(&url)
                .header("content-type", "application/x-ndjson")
                .body(lines)
                .send()
                .await
                .unwrap();
            // A bulk whose answers nobody reads counts as one that runs until that is noticed.
            let (status, answers) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success(), "{status}: {answers}");
        }
    }
}

#[tokio::test]
async fn a_slow_client_that_was_sent_away_misses_nothing() {
    let live = Live {
        outbox_messages: 20,
        outbox_bytes: 64 << 10,
        // It reads only when all is written, however long that takes.
        close_seconds: 300,
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
    let mut slow = Socket::connect(app.address).await;
    let filler = "x".repeat(30_000);
    let answer = slow
        .ask_to_subscribe(json!({"exists": "population"}), json!({}))
        .await;
    let mut cursor = text(&answer["result"], "cursor").to_owned();
    for n in 0..300 {
        let body = json!({"index": "geo", "collection": "cities", "_id": n.to_string(), "body": {"population": n, "filler": filler}});
        assert!(
            told(app.post("/v1/operations/document.create", &body))
                .await
                .0
                .is_success()
        );
    }
    let mut seen = BTreeSet::new();
    let mut sent_away = 0;
    while seen.len() < 300 {
        match slow.try_next().await {
            Ok(came) => {
                cursor = text(&came, "cursor").to_owned();
                seen.insert(came["result"]["_source"]["population"].as_u64().unwrap());
            }
            Err(code) => {
                assert_eq!(code, Some(1013));
                sent_away += 1;
                (slow, _) = back(&app, json!({"exists": "population"}), json!({}), &cursor).await;
            }
        }
    }
    assert!(sent_away >= 1, "he was not slow enough");
}

#[tokio::test]
async fn a_cursor_is_of_its_room_and_of_what_the_log_holds() {
    let app = app().await;
    let mut socket = Socket::connect(app.address).await;
    let answer = socket.ask_to_subscribe(large(), json!({})).await;
    let (room, cursor) = (
        text(&answer["result"], "roomId").to_owned(),
        text(&answer["result"], "cursor").to_owned(),
    );
    let refused = async |filter: Value, since: Value| {
        let mut other = Socket::connect(app.address).await;
        let answer = other
            .ask_to_subscribe(filter, json!({"since": since}))
            .await;
        (
            answer["status"].as_u64().unwrap(),
            answer["error"]["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let bad = |status, id: &str| (status, id.to_owned());
    assert_eq!(
        refused(json!({}), json!(cursor)).await,
        bad(400, "core.realtime.invalid_cursor"),
        "another filter"
    );
    for since in [
        "",
        "c1.",
        "t1.x",
        &cursor[..cursor.len() - 1],
        "c1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert_eq!(
            refused(large(), json!(since)).await,
            bad(400, "core.realtime.invalid_cursor"),
            "{since}"
        );
    }
    assert_eq!(
        refused(large(), json!(7)).await,
        bad(400, "api.assert.invalid_type")
    );

    // The same filter, spelled in another way; and joining by the room's name.
    back(&app, json!({"and": [large()]}), json!({}), &cursor).await;
    let mut joining = Socket::connect(app.address).await;
    let join = json!({"controller": "realtime", "action": "join", "body": {"roomId": room}, "since": cursor});
    assert_eq!(joining.ask(join).await["status"], 200);

    for n in 0..40 {
        write(&app, "document.create", document(&n.to_string(), 20)).await;
    }
    for partition in 0..crate::harness::PARTITIONS {
        let topic = app.layout.name(&event_schema::topics::CHANGES);
        let end = app.log.admin.offsets(&topic, partition).await.unwrap().end;
        app.log
            .admin
            .delete_before(&topic, partition, end - 1)
            .await
            .unwrap();
    }
    assert_eq!(
        refused(large(), json!(cursor)).await,
        bad(412, "core.realtime.cursor_too_old")
    );
}
