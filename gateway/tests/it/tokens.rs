//! Reads that wait for writes, and tokens that are not to be trusted.

use crate::harness::{Builder, app, city, log_only, problem, told};
use event_schema::{
    decision::{Mark, TopicIds},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    signing::Keyring,
    token::Token,
};
use gateway::Config;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

fn token(app: &crate::harness::App) -> Token {
    let expires = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 60;
    Token {
        tenant: "default".into(),
        principal: Some("anonymous".into()),
        expires,
        generation: app.layout.generation,
        offsets: vec![(0, 5)],
        spool: None,
        request: None,
    }
}

#[tokio::test]
async fn a_read_after_a_write_sees_it() {
    let app = app().await;
    app.cities().await;
    for n in 0..20 {
        let (_, _, json) = told(app.post(
            "/v1/operations/document.createOrReplace",
            &city("1", &format!("n{n}")),
        ))
        .await;
        let token = json["token"].as_str().unwrap();
        let (_, _, found) =
            told(app.get(&format!("/v1/documents/geo/cities/1?after={token}"))).await;
        assert_eq!(found["_source"]["name"], format!("n{n}"));
        let query = json!({"query": {"term": {"name": format!("n{n}")}}});
        let (_, _, found) = told(app.post(
            &format!("/v1/documents/geo/cities/_search?after={token}"),
            &query,
        ))
        .await;
        assert_eq!(found["total"], 1, "{n}");
    }
}

#[tokio::test]
async fn several_tokens_are_all_waited_for() {
    let app = app().await;
    app.cities().await;
    let mut query = String::new();
    for n in 0..10 {
        let (_, _, json) =
            told(app.post("/v1/operations/document.create", &city(&n.to_string(), "x"))).await;
        query += &format!("&after={}", json["token"].as_str().unwrap());
    }
    let (_, _, count) = told(app.post(
        &format!("/v1/documents/geo/cities/_count?{query}"),
        &json!({}),
    ))
    .await;
    assert_eq!(count["count"], 10);
}

#[tokio::test]
async fn a_refused_write_is_answered_at_once() {
    let app = app().await;
    app.cities().await;
    told(app.post("/v1/operations/document.create", &city("1", "x"))).await;
    let (_, _, second) = told(app.post("/v1/operations/document.create", &city("1", "y"))).await;
    let found = problem(
        app.get(&format!(
            "/v1/documents/geo/cities/1?after={}",
            second["token"].as_str().unwrap()
        )),
        409,
        "exists",
    )
    .await;
    assert_eq!(found["request_id"], second["request_id"]);
}

fn create_after(app: &crate::harness::App, route: &str, id: &str, token: &Value) -> RequestBuilder {
    let token = token["token"].as_str().unwrap();
    app.post(&format!("{route}?after={token}"), &city(id, "x"))
}

/// A write stands behind what its `after` names, in whatever partition that is: until it is applied
/// nothing of the write is in the log.
#[tokio::test]
async fn a_write_is_accepted_only_behind_what_it_names() {
    let app = Builder {
        worker: false,
        config: Config {
            after_wait_seconds: 1,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let create = "/v1/operations/document.create";
    let (_, _, first) = told(app.post(create, &city("1", "x"))).await;
    let found = problem(create_after(&app, create, "2", &first), 504, "not_yet").await;
    assert_eq!(found["accepted"], false);
    let lines = create_after(&app, &format!("{create}/_bulk"), "2", &first);
    let lines = lines.header("content-type", "application/x-ndjson");
    problem(lines, 504, "not_yet").await;
    let token = first["token"].as_str().unwrap();
    let kuzzle = |id: &str| {
        let path = format!("/geo/cities/{id}/_create?after={token}");
        app.post(&path, &json!({"name": "x"}))
    };
    assert_eq!(told(kuzzle("2")).await.0, 504);
    assert_eq!(app.events().await.len(), 1, "nothing but the first");
    app.worker();
    let (_, _, second) = told(create_after(&app, create, "2", &first)).await;
    assert!(second["request_id"].is_string(), "{second:#}");
    let (status, _, json) = told(kuzzle("3")).await;
    assert_eq!(status, 200, "{json:#}");
    assert_eq!(app.events().await.len(), 3);
    // What it stands behind came to nothing.
    let (_, _, refused) = told(app.post(create, &city("1", "x"))).await;
    let found = problem(create_after(&app, create, "4", &refused), 409, "exists").await;
    assert_eq!(
        (&found["request_id"], &found["accepted"]),
        (&refused["request_id"], &json!(false))
    );
    assert_eq!(app.events().await.len(), 4, "the refused one is the last");
}

#[tokio::test]
async fn what_is_not_applied_in_time_is_a_504_that_says_how_far_it_is() {
    let app = Builder {
        worker: false,
        config: Config {
            after_wait_seconds: 1,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let (_, _, json) = told(app.post("/v1/operations/document.create", &city("1", "x"))).await;
    let found = problem(
        app.get(&format!(
            "/v1/documents/geo/cities/1?after={}",
            json["token"].as_str().unwrap()
        )),
        504,
        "not_yet",
    )
    .await;
    assert_eq!(found["progress"][0]["request_id"], json["request_id"]);
    let many = token(&app).sign(&app.keys);
    let found = problem(
        app.get(&format!("/v1/documents/geo/cities/1?after={many}")),
        504,
        "not_yet",
    )
    .await;
    assert_eq!(
        found["progress"][0],
        json!({"partition": 0, "offset": 5, "resolved_below": 0, "ahead": 6})
    );
}

#[tokio::test]
async fn forged_foreign_and_expired_tokens_are_refused() {
    let app = log_only().await;
    app.cities().await;
    let read = |text: String| app.get(&format!("/v1/documents/geo/cities/1?after={text}"));
    for text in ["", "t1.", "nonsense", "t1.e30.AAAA"] {
        problem(read(text.into()), 400, "bad_token").await;
    }
    problem(
        read(token(&app).sign(&Keyring::new(1, *b"somebody else's.."))),
        400,
        "bad_token",
    )
    .await;
    problem(
        read(
            Token {
                principal: Some("root".into()),
                ..token(&app)
            }
            .sign(&app.keys),
        ),
        400,
        "bad_token",
    )
    .await;
    problem(
        read(
            Token {
                generation: 9,
                ..token(&app)
            }
            .sign(&app.keys),
        ),
        400,
        "bad_token",
    )
    .await;
    problem(
        read(
            Token {
                expires: 1,
                ..token(&app)
            }
            .sign(&app.keys),
        ),
        400,
        "expired_token",
    )
    .await;
    let mut good = token(&app).sign(&app.keys).into_bytes();
    good[8] ^= 1;
    problem(read(String::from_utf8(good).unwrap()), 400, "bad_token").await;
    let many = vec!["after=x"; 33].join("&");
    problem(
        app.get(&format!("/v1/documents/geo/cities/1?{many}")),
        400,
        "bad_request",
    )
    .await;
}

/// Everything below `next` is resolved; `part`: a partition where parts were published, and the last.
fn mark(app: &crate::harness::App, partition: u16, next: u64, part: (u16, u64)) -> Mark {
    let through = ChangesOffset::new(next);
    Mark {
        epoch: Epoch::begun_at(ChangesOffset::new(0)),
        at: through.next(),
        generation: app.layout.generation,
        partition,
        through,
        next: TransactionsOffset::new(next),
        time: 0,
        reapply_from: through.next(),
        reapply_epoch: None,
        topics: TopicIds::default(),
        tail: Default::default(),
        parts: [(part.0, TransactionsOffset::new(part.1))].into(),
    }
}

#[tokio::test]
async fn parts_are_waited_for_and_what_their_partitions_publish_is_not() {
    let app = Builder {
        worker: false,
        config: Config {
            after_wait_seconds: 1,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let token = token(&app).sign(&app.keys);
    let read = || app.get(&format!("/v1/documents/geo/cities/1?after={token}"));
    let set = async |mark: Mark| app.record.set_mark(&mark).await.unwrap();
    set(mark(&app, 0, 6, (1, 7))).await;
    set(mark(&app, 1, 7, (0, 99))).await;
    let found = problem(read(), 504, "not_yet").await;
    assert_eq!(
        found["progress"],
        json!([{"partition": 1, "offset": 7, "resolved_below": 7, "ahead": 1}])
    );
    // Under load both partitions name ever later parts of each other.
    set(mark(&app, 1, 8, (0, 99))).await;
    problem(read(), 404, "missing").await;
}
