//! Bulks: lines in, answers out, in order, whatever the client does.

use crate::{
    harness::{App, Builder, app, city, log_only, problem, told},
    raw::Raw,
};
use flate2::{Compression, write::GzEncoder};
use gateway::Config;
use serde_json::{Value, json};
use std::{io::Write, time::Duration};

const BULK: &str = "/v1/operations/document.create/_bulk";

async fn bulk(app: &App, body: impl Into<reqwest::Body>, gzip: bool) -> Vec<Value> {
    let request = app
        .client
        .post(app.url(BULK))
        .header("content-type", "application/x-ndjson")
        .body(body);
    let request = if gzip {
        request.header("content-encoding", "gzip")
    } else {
        request
    };
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|n| city(&n.to_string(), "x").to_string() + "\n")
        .collect()
}

#[tokio::test]
async fn each_line_has_its_answer_in_order() {
    let app = log_only().await;
    app.cities().await;
    let good = |id: &str| city(id, "x").to_string();
    let body = format!(
        "{}\r\n\n  \r\nnot json\n{{\"index\":\"geo\"}}\n{}\n{}",
        good("1"),
        good("2"),
        good("3")
    );
    let answers = bulk(&app, body, false).await;
    assert_eq!(answers.len(), 6, "{answers:#?}");
    let number: Vec<_> = answers
        .iter()
        .map(|answer| answer["line"].as_u64())
        .collect();
    assert_eq!(number, [Some(1), Some(4), Some(5), Some(6), Some(7), None]);
    assert!(
        answers[0]["request_id"].is_string()
            && answers[0]["token"].is_string()
            && answers[0]["status"] == "accepted"
    );
    assert_eq!(answers[1]["problem"]["code"], "not_json");
    assert_eq!(answers[2]["problem"]["code"], "invalid");
    assert_eq!(answers[5]["summary"]["accepted"], 3);
    assert_eq!(answers[5]["summary"]["refused"], 2);
    let ids: Vec<_> = app
        .events()
        .await
        .iter()
        .map(|event| event.attributes.id.to_string())
        .collect();
    assert_eq!(ids.len(), 3);
    for n in [0, 3, 4] {
        assert!(ids.contains(&answers[n]["request_id"].as_str().unwrap().to_owned()));
    }
}

/// There would be nothing to wait for.
#[tokio::test]
async fn where_none_may_be_under_way_one_is() {
    let config = Config {
        bulk_in_flight: 0,
        bulk_in_flight_bytes: 0,
        ..Config::default()
    };
    let app = Builder {
        config,
        worker: false,
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let answers = tokio::time::timeout(Duration::from_secs(20), bulk(&app, lines(3), false)).await;
    let answers = answers.expect("the bulk hangs");
    assert_eq!(answers[3]["summary"]["accepted"], 3, "{answers:?}");
}

#[tokio::test]
async fn the_summary_token_covers_all() {
    let app = app().await;
    app.cities().await;
    let answers = bulk(&app, lines(500), false).await;
    let token = answers[500]["summary"]["token"].as_str().unwrap();
    let count = app
        .post(
            &format!("/v1/documents/geo/cities/_count?after={token}"),
            &json!({}),
        )
        .header("prefer", "wait=60");
    assert_eq!(told(count).await.2["count"], 500);
    let one = answers[250]["request_id"].as_str().unwrap();
    assert_eq!(
        told(app.get(&format!("/v1/requests/{one}"))).await.2["status"],
        "applied"
    );
}

#[tokio::test]
async fn nothing_at_all_is_a_summary() {
    let app = log_only().await;
    assert_eq!(bulk(&app, "", false).await[0]["summary"]["accepted"], 0);
    assert_eq!(bulk(&app, "\n\r\n", false).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_bulk_is_refused_as_a_whole() {
    let app = log_only().await;
    let send = |path: &str| {
        app.client
            .post(app.url(path))
            .header("content-type", "application/x-ndjson")
            .body("{}")
    };
    problem(
        send("/v1/operations/document.mCreate/_bulk"),
        422,
        "not_in_bulk",
    )
    .await;
    problem(send("/v1/operations/none/_bulk"), 404, "unknown_operation").await;
    problem(send(BULK).header("if-match", "\"1\""), 400, "bad_header").await;
    problem(
        send(BULK).header("content-encoding", "zstd"),
        415,
        "unsupported_encoding",
    )
    .await;
}

#[tokio::test]
async fn a_line_that_is_too_long_is_skipped_and_named() {
    let app = log_only().await;
    app.cities().await;
    let body = format!(
        "{}\n{}\n{}\n",
        city("1", "x"),
        city("2", &"x".repeat(3 << 20)),
        city("3", "x")
    );
    let answers = bulk(&app, body, false).await;
    assert_eq!(answers[1]["problem"]["code"], "body_too_large");
    assert_eq!(
        (
            answers[2]["line"].as_u64(),
            answers[3]["summary"]["accepted"].as_u64()
        ),
        (Some(3), Some(2))
    );
}

#[tokio::test]
async fn gzip_is_unpacked_in_one_member_or_several() {
    let app = log_only().await;
    app.cities().await;
    let answers = bulk(&app, gzip(lines(2_000).as_bytes()), true).await;
    assert_eq!(answers[2_000]["summary"]["accepted"], 2_000);
    let two = [
        gzip(format!("{}\n", city("a", "x")).as_bytes()),
        gzip(city("b", "x").to_string().as_bytes()),
    ]
    .concat();
    assert_eq!(bulk(&app, two, true).await[2]["summary"]["accepted"], 2);
}

#[tokio::test]
async fn a_gzip_that_is_cut_or_no_gzip_is_a_problem_on_its_line() {
    let app = log_only().await;
    app.cities().await;
    let mut whole = gzip(lines(5_000).as_bytes());
    whole.truncate(whole.len() / 2);
    let answers = bulk(&app, whole, true).await;
    assert_eq!(answers[answers.len() - 2]["problem"]["code"], "bad_gzip");
    let accepted = answers[answers.len() - 1]["summary"]["accepted"]
        .as_u64()
        .unwrap();
    assert_eq!(accepted as usize, app.events().await.len());
    let answers = bulk(&app, lines(3), true).await;
    assert_eq!(
        (
            answers[0]["line"].as_u64(),
            answers[0]["problem"]["code"].as_str()
        ),
        (Some(1), Some("bad_gzip"))
    );
}

#[tokio::test]
async fn a_gzip_bomb_is_cut() {
    let app = log_only().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..256 {
        encoder.write_all(&vec![b'\n'; 1 << 20]).unwrap();
    }
    let answers = bulk(&app, encoder.finish().unwrap(), true).await;
    assert_eq!(answers[0]["problem"]["code"], "gzip_ratio", "{answers:?}");
}

#[tokio::test]
async fn reading_never_waits_for_a_client_that_does_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        bulk_answers_bytes: 64 << 10,
        spill_dir: Some(folder.path().to_owned()),
        ..Config::default()
    };
    let app = Builder {
        worker: false,
        config,
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let count = 100_000;
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!(
        "POST {BULK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    ))
    .await;
    for start in (0..count).step_by(1_000) {
        let chunk: String = (start..start + 1_000)
            .map(|n| format!("{{\"index\":\"geo\",\"collection\":\"cities\",\"_id\":\"{n}\",\"body\":{{}}}}\n"))
            .collect();
        raw.send(format!("{:x}\r\n{chunk}\r\n", chunk.len())).await;
    }
    raw.send("0\r\n\r\n").await;
    // Everything is in the log before a single answer is read.
    let topic = app.layout.name(&event_schema::topics::TRANSACTIONS);
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let mut taken = 0;
        for partition in 0..crate::harness::PARTITIONS {
            taken += app.log.admin.offsets(&topic, partition).await.unwrap().end;
        }
        if taken == count {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "only {taken} are in the log"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut all = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut raw.0, &mut all)
        .await
        .unwrap();
    let text = String::from_utf8(all).unwrap();
    let numbers = text
        .lines()
        .filter_map(|line| line.strip_prefix("{\"line\":"))
        .map(|rest| rest.split(',').next().unwrap().parse::<u64>().unwrap());
    assert!(numbers.eq(1..=count), "in order, none missing");
    assert!(text.contains("\"accepted\":100000,\"refused\":0"));
    let metrics = app
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let spilled = metrics
        .lines()
        .find_map(|line| line.strip_prefix("consign_gateway_bulk_spilled_bytes_total "))
        .unwrap();
    assert!(spilled.parse::<f64>().unwrap() > 100_000.0, "{spilled}");
}

#[tokio::test]
async fn answers_nobody_reads_end_the_bulk_at_their_bound() {
    let config = Config {
        bulk_answers_bytes: 0,
        bulk_spill_limit_bytes: 10_000,
        stall_timeout_seconds: 2,
        ..Config::default()
    };
    let app = Builder {
        worker: false,
        config,
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!("POST {BULK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    let chunk: String = lines(1_000);
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        use tokio::io::AsyncWriteExt;
        let chunk = format!("{:x}\r\n{chunk}\r\n", chunk.len());
        while raw.0.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    ended.await.expect("the bulk goes on for ever");
}

#[tokio::test]
async fn a_bulk_under_a_key_can_be_repeated_as_a_whole() {
    let app = app().await;
    app.cities().await;
    let send = || {
        app.client
            .post(app.url(BULK))
            .header("content-type", "application/x-ndjson")
            .header("idempotency-key", "load-1")
            .body(lines(20))
    };
    let first = send().send().await.unwrap().text().await.unwrap();
    let second = send().send().await.unwrap().text().await.unwrap();
    let ids = |text: &str| {
        text.lines()
            .filter_map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["request_id"]
                    .as_str()
                    .map(str::to_owned)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&first).len(), 20);
    assert_eq!(ids(&first), ids(&second));
}

#[tokio::test]
async fn a_bulk_that_is_cut_by_stopping_is_answered_to_where_it_was_read() {
    let app = log_only().await;
    app.cities().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!("POST {BULK} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    let chunk = lines(10);
    raw.send(format!("{:x}\r\n{chunk}\r\n", chunk.len())).await;
    raw.until("\"line\":10,").await;
    app.trigger.soft();
    let answer = raw.until("summary").await;
    assert!(
        answer.contains("shutting_down") && answer.contains("\"accepted\":10,"),
        "{answer}"
    );
}
