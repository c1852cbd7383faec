//! Clients that are slow on purpose: each is cut with an answer, and keeps nothing busy.

use crate::{
    harness::{Builder, city},
    raw::Raw,
};
use gateway::Config;
use std::time::{Duration, Instant};

fn quick() -> Config {
    Config {
        header_timeout_seconds: 1,
        body_timeout_seconds: 3,
        body_idle_seconds: 1,
        stall_timeout_seconds: 2,
        ..Config::default()
    }
}

async fn app() -> crate::harness::App {
    let app = Builder {
        worker: false,
        config: quick(),
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    app
}

fn head(path: &str, kind: &str, rest: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{rest}\r\n\r\n")
}

#[tokio::test]
async fn a_head_that_never_ends() {
    let app = app().await;
    let begun = Instant::now();
    let mut raw = Raw::connect(app.address).await;
    raw.send("POST /v1/operations/document.create HTTP/1.1\r\nHost: x\r\n")
        .await;
    raw.rest().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_that_stops() {
    let app = app().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(
        head(
            "/v1/operations/document.create",
            "application/json",
            "Content-Length: 100",
        ) + "{\"index\":",
    )
    .await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 408")
            && answer.contains("too_slow")
            && answer.contains("connection: close"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_byte_now_and_then() {
    let app = app().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(head(
        "/v1/operations/document.create",
        "application/json",
        "Content-Length: 100",
    ))
    .await;
    let (mut read, mut write) = raw.0.into_split();
    let drip = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while write.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let begun = Instant::now();
    let mut answer = Vec::new();
    _ = tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answer).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(
        String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    drip.abort();
}

#[tokio::test]
async fn a_bulk_that_drips_is_cut_and_what_came_is_answered() {
    let app = app().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(head(
        "/v1/operations/document.create/_bulk",
        "application/x-ndjson",
        "Transfer-Encoding: chunked",
    ))
    .await;
    let line = city("1", "x").to_string() + "\n";
    raw.send(format!("{:x}\r\n{line}\r\n", line.len())).await;
    let answer = raw.until("summary").await;
    assert!(
        answer.contains("\"line\":1,\"request_id\"") && answer.contains("too_slow"),
        "{answer}"
    );
    assert!(answer.contains("\"accepted\":1,\"refused\":1"), "{answer}");
    assert_eq!(app.events().await.len(), 1);
}

/// Each byte comes in time; together they are too slow.
#[tokio::test]
async fn a_file_that_drips_is_cut() {
    let app = app().await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(head(
        "/v1/operations/location.bulk.upload?type=state",
        "text/csv",
        "Transfer-Encoding: chunked",
    ))
    .await;
    let (mut read, mut write) = raw.0.into_split();
    let drip = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while write.write_all(b"1\r\nc\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let mut answer = Vec::new();
    let all = tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answer);
    let ended = tokio::time::timeout(Duration::from_secs(10), all).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        ended.is_ok() && answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
    drip.abort();
}

#[tokio::test]
async fn a_client_that_takes_no_answers() {
    let app = app().await;
    let mut raw = Raw::connect(app.address).await;
    // Pages until nobody takes them any more.
    let many = "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2_000);
    let sent = tokio::time::timeout(Duration::from_secs(30), async {
        use tokio::io::AsyncWriteExt;
        let mut left = many.as_bytes();
        while !left.is_empty() {
            let Ok(count) = raw.0.write(left).await else {
                return;
            };
            left = &left[count..];
        }
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if raw
                .0
                .write_all(b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .is_err()
            {
                return;
            }
        }
    });
    sent.await
        .expect("the gateway never let go of the connection");
}
