//! Clients that send all of a large body before they look for an answer: a refusal that was written
//! long before must still reach them, and one that never stops is let go.

use crate::harness::{App, Builder};
use gateway::Config;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

const LARGE: usize = 30 << 20;

async fn app(config: Config) -> App {
    let builder = Builder {
        worker: false,
        config,
        ..Builder::default()
    };
    builder.start().await
}

/// Sends a head and all of its body before it reads.
fn send_whole(address: SocketAddr, head: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(head.as_bytes())?;
    for piece in body.chunks(64 << 10) {
        stream.write_all(piece)?;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_thirty_megabytes_reads_why_they_are_refused() {
    let app = app(Config {
        max_bulks: 0,
        ..Config::default()
    })
    .await;
    let write = "/v1/operations/document.create";
    let bulk = "/v1/operations/document.create/_bulk";
    let cases = [
        (write, "application/json", 413, "body_too_large"),
        (write, "text/plain", 415, "unsupported_media_type"),
        (bulk, "text/plain", 415, "unsupported_media_type"),
        (bulk, "application/x-ndjson", 429, "overloaded"),
        ("/v1/nowhere", "application/json", 404, "unknown_route"),
        (
            "/ix/co/_create",
            "application/json",
            413,
            "network.http.request_too_large",
        ),
        (
            "/a/b/c/d/e",
            "application/json",
            404,
            "network.http.url_not_found",
        ),
    ];
    for (path, kind, status, code) in cases {
        reads_why(
            app.address,
            path,
            &format!("Content-Type: {kind}"),
            (status, code),
        )
        .await;
    }
}

const DOORS: [(&str, &str); 3] = [
    ("/v1/operations/document.create", "application/json"),
    (
        "/v1/operations/document.create/_bulk",
        "application/x-ndjson",
    ),
    ("/ix/co/_create", "application/json"),
];

/// Whoever sends thirty megabytes there, with or without saying how many, reads this answer.
async fn reads_why(address: SocketAddr, path: &str, headers: &str, refusal: (u16, &str)) {
    let (status, code) = refusal;
    for length in [
        format!("Content-Length: {LARGE}"),
        "Transfer-Encoding: chunked".to_owned(),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{length}\r\n\r\n");
        let mut body = vec![b' '; LARGE];
        if length.contains("chunked") {
            body = [format!("{LARGE:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
        }
        let sent = tokio::task::spawn_blocking(move || send_whole(address, &head, &body));
        let answer = sent.await.unwrap().unwrap_or_else(|error| {
            panic!("{path}, {headers}, {length}: the client saw {error} and no answer")
        });
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {answer}"
        );
        assert!(answer.contains(code), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_thirty_megabytes_reads_that_it_is_not_known() {
    let (app, _) = crate::security::closed().await;
    let unknown = [
        "unauthenticated",
        "unauthenticated",
        "security.token.invalid",
    ];
    let nobody = [
        "unauthenticated",
        "unauthenticated",
        "security.rights.unauthorized",
    ];
    for (n, (path, kind)) in DOORS.into_iter().enumerate() {
        let headers = format!("Content-Type: {kind}\r\nAuthorization: Bearer kauth-a.b.c");
        reads_why(app.address, path, &headers, (401, unknown[n])).await;
        let headers = format!("Content-Type: {kind}");
        reads_why(app.address, path, &headers, (401, nobody[n])).await;
    }
}

/// A gateway that serves nothing before it is set up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_thirty_megabytes_reads_that_nothing_is_served() {
    let app = crate::security::shut().await;
    for (path, kind) in DOORS {
        let headers = format!("Content-Type: {kind}");
        reads_why(app.address, path, &headers, (503, "set_up_required")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_thirty_megabytes_reads_that_too_much_is_in_hand() {
    let app = app(Config {
        body_budget_bytes: 0,
        max_bulks: 0,
        ..Config::default()
    })
    .await;
    let many = "Transfer-Encoding: chunked";
    for (path, kind) in DOORS {
        let code = if path.starts_with("/ix") {
            "api.process.too_many_requests"
        } else {
            "overloaded"
        };
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{many}\r\n\r\n");
        let body = [
            format!("{LARGE:x}\r\n").as_bytes(),
            &vec![b' '; LARGE],
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        let address = app.address;
        let sent = tokio::task::spawn_blocking(move || send_whole(address, &head, &body));
        let answer = sent.await.unwrap();
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error} and no answer"));
        assert!(
            answer.starts_with("HTTP/1.1 429 ") || answer.starts_with("HTTP/1.1 503 "),
            "{path}: {answer}"
        );
        assert!(answer.contains(code), "{path}: {answer}");
    }
}

/// A gateway that is not ready yet says so before it has read what is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_thirty_megabytes_reads_that_nothing_is_ready() {
    let (_starting, durability) = tokio::sync::watch::channel(None);
    let app = Builder {
        worker: false,
        durability,
        ..Builder::default()
    };
    let app = app.start().await;
    for path in ["/readyz", "/_ready"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGE}\r\n\r\n");
        let (address, body) = (app.address, vec![b' '; LARGE]);
        let sent = tokio::task::spawn_blocking(move || send_whole(address, &head, &body));
        let answer = sent.await.unwrap();
        let answer =
            answer.unwrap_or_else(|error| panic!("{path}: the client saw {error} and no answer"));
        assert!(answer.starts_with("HTTP/1.1 503 "), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_stops_is_let_go() {
    let few = |linger_bytes, linger_seconds| Config {
        linger_bytes,
        linger_seconds,
        ..Config::default()
    };
    for (config, pause) in [
        (few(1 << 20, 600), Duration::ZERO),
        (few(1 << 40, 1), Duration::from_millis(20)),
    ] {
        let app = app(config).await;
        let address = app.address;
        let sent = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let head = "POST /v1/operations/document.create HTTP/1.1\r\nHost: x\r\n\
                        Content-Type: text/plain\r\nContent-Length: 99999999999\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            let begun = Instant::now();
            loop {
                assert!(
                    begun.elapsed() < Duration::from_secs(15),
                    "it is not let go"
                );
                std::thread::sleep(pause);
                if let Err(error) = stream.write_all(&[b' '; 64 << 10]) {
                    assert!(
                        matches!(
                            error.kind(),
                            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                        ),
                        "{error}"
                    );
                    return;
                }
            }
        });
        sent.await.unwrap();
    }
}

/// Who has sent all and closed is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_closes_is_not_waited_for() {
    let app = app(Config::default()).await;
    let address = app.address;
    let begun = Instant::now();
    let sent = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "POST /v1/operations/document.create HTTP/1.1\r\nHost: x\r\n\
                    Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = sent.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}
