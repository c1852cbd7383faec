//! Web pages: which may connect, which may ask, and what a browser lets them read.

use crate::{
    harness::{App, Builder, city, problem, told},
    raw::Raw,
};
use gateway::Config;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::json;

const APP: &str = "https://app.example";
const EVIL: &str = "https://evil.example";

async fn app() -> App {
    let config = Config {
        allowed_origins: vec![APP.to_owned()],
        ..Config::default()
    };
    Builder {
        worker: false,
        config,
        ..Builder::default()
    }
    .start()
    .await
}

fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let all = headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.to_str().unwrap().split(','));
    all.map(|one| one.trim().to_ascii_lowercase()).collect()
}

/// The head of the answer to a request to upgrade.
async fn upgrade(app: &App, path: &str, headers: &str) -> String {
    let mut raw = Raw::connect(app.address).await;
    let asked = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n",
        app.address
    );
    raw.send(asked).await;
    raw.until("\r\n\r\n").await
}

#[tokio::test]
async fn a_page_from_elsewhere_gets_no_websocket() {
    let app = app().await;
    for path in ["/", "/v1/collections"] {
        for headers in [
            format!("Origin: {EVIL}\r\n"),
            "Origin: null\r\n".into(),
            format!("Origin: {APP}\r\nOrigin: {EVIL}\r\n"),
        ] {
            let answer = upgrade(&app, path, &headers).await;
            assert!(
                answer.starts_with("HTTP/1.1 403 "),
                "{path} {headers}: {answer}"
            );
            assert!(
                answer.contains("content-type: application/problem+json"),
                "{answer}"
            );
        }
        for headers in [
            String::new(),
            format!("Origin: {APP}\r\n"),
            "Origin: http://localhost:8000\r\n".into(),
        ] {
            let answer = upgrade(&app, path, &headers).await;
            assert!(
                answer.starts_with("HTTP/1.1 101 "),
                "{path} {headers}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_page_from_elsewhere_would_change_is_not_changed() {
    let app = app().await;
    app.cities().await;
    // What a form could send needs no preflight.
    let simple = app
        .client
        .post(app.url("/geo/cities/_create"))
        .header("origin", EVIL)
        .header("content-type", "text/plain");
    problem(
        simple.body(city("a", "A")["body"].to_string()),
        403,
        "foreign_origin",
    )
    .await;
    let write = app
        .post("/v1/operations/document.create", &city("a", "A"))
        .header("origin", EVIL);
    let body = problem(write, 403, "foreign_origin").await;
    assert!(body["detail"].as_str().unwrap().contains(EVIL), "{body}");
    problem(
        app.client
            .delete(app.url("/geo/cities"))
            .header("origin", EVIL),
        403,
        "foreign_origin",
    )
    .await;
    assert!(app.events().await.is_empty());
    let (status, ..) = told(
        app.post("/v1/operations/document.create", &city("a", "A"))
            .header("origin", APP),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(app.events().await.len(), 1);
}

#[tokio::test]
async fn a_page_from_elsewhere_reads_nothing() {
    let app = app().await;
    for path in ["/v1/collections", "/_now", "/nothing/here/at/all"] {
        let answer = app.get(path).header("origin", EVIL).send().await.unwrap();
        assert!(
            !answer.headers().contains_key("access-control-allow-origin"),
            "{path}: {answer:?}"
        );
        assert_eq!(list(answer.headers(), "vary"), ["origin"], "{path}");
        let answer = app.get(path).send().await.unwrap();
        assert!(
            !answer.headers().contains_key("access-control-allow-origin"),
            "{path}: {answer:?}"
        );
        assert_eq!(
            list(answer.headers(), "vary"),
            ["origin"],
            "{path}: a cache must not hand it to a page"
        );
    }
}

#[tokio::test]
async fn an_allowed_page_reads_every_answer() {
    let app = app().await;
    app.cities().await;
    let requests = [
        app.get("/v1/collections"),
        app.get("/_now"),
        app.get("/nothing/here/at/all"),
        app.get("/v1/requests/nonsense"),
        app.post("/v1/operations/document.create", &city("a", "A")),
        app.post("/_query", &json!({"controller": "server", "action": "now"})),
    ];
    for request in requests {
        let answer = request.header("origin", APP).send().await.unwrap();
        let headers = answer.headers();
        assert_eq!(headers["access-control-allow-origin"], APP, "{answer:?}");
        assert!(
            list(headers, "vary").contains(&"origin".to_owned()),
            "{answer:?}"
        );
        for name in [
            "consign-token",
            "location",
            "etag",
            "retry-after",
            "preference-applied",
        ] {
            assert!(
                list(headers, "access-control-expose-headers").contains(&name.to_owned()),
                "{answer:?}"
            );
        }
        let credentials = &headers["access-control-allow-credentials"];
        assert_eq!(credentials, "true", "{answer:?}");
    }
}

#[tokio::test]
async fn a_browser_that_asks_first_is_answered() {
    let app = app().await;
    const SENT: &str = "authorization, content-type, x-kuzzle-volatile, prefer, idempotency-key, if-match, traceparent";
    let ask = |path: &str, origin: &str, method: &str| {
        let asked = app
            .client
            .request(Method::OPTIONS, app.url(path))
            .header("origin", origin);
        asked
            .header("access-control-request-method", method)
            .header("access-control-request-headers", SENT)
    };
    for (path, method) in [
        ("/_query", "POST"),
        ("/v1/collections/geo/cities", "PUT"),
        ("/geo/cities/a/_update", "PUT"),
        ("/geo/cities/a", "DELETE"),
    ] {
        let answer = ask(path, APP, method).send().await.unwrap();
        assert_eq!(
            (
                answer.status(),
                &answer.headers()["access-control-allow-origin"]
            ),
            (StatusCode::OK, &APP.parse().unwrap()),
            "{path}"
        );
        assert!(
            list(answer.headers(), "access-control-allow-methods")
                .contains(&method.to_ascii_lowercase()),
            "{answer:?}"
        );
        let allowed = list(answer.headers(), "access-control-allow-headers");
        assert_eq!(allowed, SENT.split(", ").collect::<Vec<_>>(), "{path}");
        assert!(answer.headers().contains_key("access-control-max-age"));
        problem(ask(path, EVIL, method), 403, "foreign_origin").await;
    }
}

#[tokio::test]
async fn settings_that_name_no_origin_stop_the_start() {
    let app = app().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config {
        allowed_origins: vec!["app.example".into()],
        ..Config::default()
    };
    let (_trigger, shutdown) = runtime::Shutdown::manual();
    let ended = gateway::run(config, listener, app.ports(), shutdown).await;
    assert!(matches!(ended, Err(gateway::GatewayError::Origin(named)) if named == "app.example"));
}
