//! Every kind of bad input has its own clear answer, and nothing of it reaches the log.

use crate::{
    harness::{App, city, log_only, problem, told},
    raw::Raw,
};
use reqwest::RequestBuilder;
use serde_json::json;

const CREATE: &str = "/v1/operations/document.create";

fn send(app: &App, body: impl Into<reqwest::Body>) -> RequestBuilder {
    app.client
        .post(app.url(CREATE))
        .header("content-type", "application/json")
        .body(body)
}

#[tokio::test]
async fn not_json() {
    let app = log_only().await;
    let found = problem(
        send(&app, r#"{"index":"geo","body":{"a":tru}}"#),
        400,
        "not_json",
    )
    .await;
    assert_eq!(found["pointer"], "/body/a");
    assert_eq!(found["offset"], 27);
    problem(send(&app, "{"), 400, "not_json").await;
    problem(send(&app, "{} x"), 400, "not_json").await;
    problem(send(&app, "\u{feff}{}"), 400, "not_json").await;
}

#[tokio::test]
async fn wrong_content_type() {
    let app = log_only().await;
    problem(
        app.client.post(app.url(CREATE)).body("{}"),
        415,
        "unsupported_media_type",
    )
    .await;
    problem(
        app.client
            .post(app.url(CREATE))
            .header("content-type", "text/plain")
            .body("{}"),
        415,
        "unsupported_media_type",
    )
    .await;
    problem(
        app.client
            .post(app.url(CREATE))
            .header("content-type", "application/json; charset=latin1")
            .body("{}"),
        415,
        "unsupported_media_type",
    )
    .await;
    problem(
        send(&app, "{}").header("content-encoding", "gzip"),
        415,
        "unsupported_encoding",
    )
    .await;
    problem(
        send(&app, "{}").header("content-encoding", "br"),
        415,
        "unsupported_encoding",
    )
    .await;
    let ndjson = app
        .client
        .post(app.url("/v1/operations/document.create/_bulk"))
        .header("content-type", "application/json")
        .body("{}");
    problem(ndjson, 415, "unsupported_media_type").await;
}

#[tokio::test]
async fn empty() {
    let app = log_only().await;
    problem(send(&app, ""), 400, "empty_body").await;
    problem(send(&app, " \r\n "), 400, "empty_body").await;
}

#[tokio::test]
async fn too_large() {
    let app = log_only().await;
    let large = format!(
        r#"{{"index":"geo","collection":"cities","body":{{"a":"{}"}}}}"#,
        "x".repeat(1 << 20)
    );
    problem(send(&app, large.clone()), 413, "body_too_large").await;
    // Without a declared length: counted as it comes.
    let chunks: Vec<Result<_, std::io::Error>> = large
        .as_bytes()
        .chunks(60_000)
        .map(|chunk| Ok(chunk.to_vec()))
        .collect();
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    problem(send(&app, stream), 413, "body_too_large").await;
}

#[tokio::test]
async fn as_large_as_may_be() {
    let app = log_only().await;
    app.cities().await;
    let frame = r#"{"index":"geo","collection":"cities","_id":"1","body":{"a":""}}"#.len();
    let largest = format!(
        r#"{{"index":"geo","collection":"cities","_id":"1","body":{{"a":"{}"}}}}"#,
        "x".repeat((1 << 20) - frame)
    );
    assert_eq!(told(send(&app, largest)).await.0, 202);
}

#[tokio::test]
async fn too_deep() {
    let app = log_only().await;
    let deep = format!(
        r#"{{"index":"geo","collection":"cities","body":{{"a":{}1{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    problem(send(&app, deep), 400, "too_deep").await;
}

#[tokio::test]
async fn duplicate_keys() {
    let app = log_only().await;
    let found = problem(
        send(
            &app,
            r#"{"index":"geo","collection":"cities","body":{"a":{"x":1,"x":2}}}"#,
        ),
        400,
        "duplicate_key",
    )
    .await;
    assert_eq!(found["pointer"], "/body/a/x");
    problem(
        send(&app, r#"{"index":"geo","index":"geo"}"#),
        400,
        "duplicate_key",
    )
    .await;
}

#[tokio::test]
async fn invalid_utf8() {
    let app = log_only().await;
    problem(
        send(&app, b"{\"index\":\"\xff\"}".to_vec()),
        400,
        "invalid_utf8",
    )
    .await;
    problem(send(&app, r#"{"index":"\ud800"}"#), 400, "invalid_utf8").await;
}

#[tokio::test]
async fn unknown_operation_names_the_near_one() {
    let app = log_only().await;
    let found = problem(
        app.post("/v1/operations/document.craete", &city("1", "x")),
        404,
        "unknown_operation",
    )
    .await;
    assert!(
        found["detail"]
            .as_str()
            .unwrap()
            .contains("document.create"),
        "{found}"
    );
    problem(
        app.post("/v1/operations/%00", &json!({})),
        404,
        "unknown_operation",
    )
    .await;
}

#[tokio::test]
async fn unknown_collection() {
    let app = log_only().await;
    let found = problem(app.post(CREATE, &city("1", "x")), 404, "unknown_collection").await;
    assert!(
        found["detail"].as_str().unwrap().contains("geo/cities"),
        "{found}"
    );
}

#[tokio::test]
async fn missing_and_extra_fields() {
    let app = log_only().await;
    app.cities().await;
    let found = problem(
        app.post(CREATE, &json!({"index": "geo", "collection": "cities"})),
        422,
        "invalid",
    )
    .await;
    assert!(
        found["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("body"),
        "{found}"
    );
    let mut extra = city("1", "x");
    extra["colour"] = json!("red");
    let found = problem(app.post(CREATE, &extra), 422, "invalid").await;
    assert!(
        found.to_string().contains("colour") && found["pointer"].is_string(),
        "{found}"
    );
    problem(app.post(CREATE, &json!([1])), 422, "invalid").await;
}

#[tokio::test]
async fn bad_ids() {
    let app = log_only().await;
    app.cities().await;
    for id in ["", "a\u{0}b", &"x".repeat(513)] {
        let found = problem(app.post(CREATE, &city(id, "x")), 422, "invalid").await;
        assert_eq!(found["pointer"], "/_id", "{id:?}");
    }
    let mut number = city("1", "x");
    number["_id"] = json!(7);
    problem(app.post(CREATE, &number), 422, "invalid").await;
    problem(app.get("/v1/requests/nonsense"), 400, "bad_request_id").await;
    problem(app.get("/v1/documents/geo/cities/%00"), 422, "bad_name").await;
    problem(app.get("/v1/documents/geo/cities/%ff"), 400, "bad_request").await;
    problem(
        app.client.put(app.url("/v1/collections/geo/Cities%2F..")),
        422,
        "bad_name",
    )
    .await;
}

#[tokio::test]
async fn numbers_that_do_not_fit() {
    let app = log_only().await;
    for number in [
        "18446744073709551616",
        "-9223372036854775809",
        "1e400",
        "-1e999999999999",
        "123456789012345678901234567890",
    ] {
        let body = format!(r#"{{"index":"geo","collection":"cities","body":{{"n":[{number}]}}}}"#);
        let found = problem(send(&app, body), 400, "number_out_of_range").await;
        assert_eq!(found["pointer"], "/body/n/0");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods() {
    let app = log_only().await;
    problem(app.get("/v2/nothing"), 404, "unknown_route").await;
    problem(app.get("/v1"), 404, "unknown_route").await;
    let answer = app.get(CREATE).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "POST");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    problem(
        app.client.delete(app.url("/v1/collections")),
        405,
        "method_not_allowed",
    )
    .await;
}

#[tokio::test]
async fn a_content_length_that_promises_too_much() {
    let app = log_only().await;
    app.cities().await;
    let body = city("1", "x").to_string();
    let head = |length: usize| {
        format!(
            "POST {CREATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut raw = Raw::connect(app.address).await;
    raw.send(head(body.len() + 50) + &body).await;
    use tokio::io::AsyncWriteExt;
    raw.0.shutdown().await.unwrap();
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("incomplete_body"),
        "{answer}"
    );
    let mut raw = Raw::connect(app.address).await;
    raw.send(head(9_999_999_999)).await;
    let answer = raw.until("body_too_large").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!("POST {CREATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n")).await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 400"));
    assert!(app.events().await.is_empty());
}

#[tokio::test]
async fn a_content_length_that_promises_too_little() {
    let app = log_only().await;
    app.cities().await;
    let body = city("1", "x").to_string();
    let mut raw = Raw::connect(app.address).await;
    let length = body.len() - 10;
    raw.send(format!("POST {CREATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"))
        .await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("not_json"),
        "{answer}"
    );
    // What follows is no request.
    assert!(answer.matches("HTTP/1.1 400").count() == 2, "{answer}");
    assert!(app.events().await.is_empty());
}

/// What is no request is refused like any other: with a problem document.
async fn refused(raw: &mut Raw, status: u16, code: &str) {
    let answer = raw.rest().await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let kind = "content-type: application/problem+json";
    assert!(head.contains(kind), "{answer}");
    let problem: serde_json::Value = serde_json::from_str(body).expect("a problem");
    assert_eq!(problem["code"], code, "{answer}");
}

#[tokio::test]
async fn malformed_heads() {
    let app = log_only().await;
    for head in [
        "GARBAGE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        // Where it is sent is said exactly once.
        "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    ] {
        let mut raw = Raw::connect(app.address).await;
        raw.send(head).await;
        refused(&mut raw, 400, "bad_request").await;
    }
    let mut raw = Raw::connect(app.address).await;
    raw.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(raw.rest().await.contains(" 200 OK"));
    let mut raw = Raw::connect(app.address).await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    raw.send(format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n"))
        .await;
    refused(&mut raw, 431, "head_too_large").await;
    let mut raw = Raw::connect(app.address).await;
    raw.send(format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nx: {}\r\n\r\n",
        "y".repeat(64 << 10)
    ))
    .await;
    refused(&mut raw, 431, "head_too_large").await;
    // Behind a request that is answered.
    let mut raw = Raw::connect(app.address).await;
    raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    raw.until("\r\n\r\n").await;
    raw.send(format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(64 << 10)))
        .await;
    let answer = raw.rest().await;
    assert!(
        answer.contains("HTTP/1.1 431 ") && answer.contains("head_too_large"),
        "{answer}"
    );
}

#[tokio::test]
async fn bad_headers_are_named() {
    let app = log_only().await;
    app.cities().await;
    for (name, value) in [
        ("if-match", "*"),
        ("if-none-match", "*"),
        ("prefer", "wait=soon"),
        ("idempotency-key", "\"\""),
    ] {
        problem(
            app.post(CREATE, &city("1", "x")).header(name, value),
            400,
            "bad_header",
        )
        .await;
    }
    let publish = json!({"index": "geo", "collection": "cities", "body": {}});
    let publish = app.post("/v1/operations/realtime.publish", &publish);
    problem(publish.header("if-match", "\"1\""), 400, "bad_header").await;
    for name in ["if-match", "if-none-match"] {
        let replace = app.client.put(app.url("/geo/cities/1")).header(name, "*");
        let (status, _, refused) = told(replace.json(&json!({}))).await;
        assert_eq!(status.as_u16(), 400, "{name}: {refused}");
    }
    assert!(app.events().await.is_empty());
}

/// Every route of the document but those of the service itself.
#[tokio::test]
async fn what_a_query_names_that_no_route_reads_is_refused() {
    let app = log_only().await;
    app.cities().await;
    let (_, _, document) = told(app.get("/openapi.json")).await;
    let mut walked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["tags"][0] == "service" {
                continue;
            }
            let segments = path.split('/').map(|segment| match segment {
                "{operation}" => "document.create",
                variable if variable.starts_with('{') => "x",
                other => other,
            });
            let path = segments.collect::<Vec<_>>().join("/");
            let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let kind = if path.ends_with("_bulk") {
                "application/x-ndjson"
            } else {
                "application/json"
            };
            let request = app
                .client
                .request(method, app.url(&format!("{path}?surprise=1")))
                .header("content-type", kind)
                .body("{}");
            let (status, _, answer) = told(request).await;
            assert_eq!(status, 400, "{path}: {answer:#}");
            assert!(
                answer.to_string().contains("surprise"),
                "{path}: {answer:#}"
            );
            walked += 1;
        }
    }
    assert!(walked > 15, "{walked}");
    assert!(app.events().await.is_empty());
}

/// Every route of the document that takes JSON, each operation by itself.
#[tokio::test]
async fn what_a_body_holds_that_no_route_reads_is_refused() {
    let app = log_only().await;
    app.cities().await;
    let (_, _, document) = told(app.get("/openapi.json")).await;
    let mut walked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["requestBody"]["content"]["application/json"].is_null() {
                continue;
            }
            let segments = path.split('/').map(|segment| match segment {
                "{operation}" => "document.create",
                "{index}" => "geo",
                "{collection}" => "cities",
                variable if variable.starts_with('{') => "x",
                other => other,
            });
            let path = segments.collect::<Vec<_>>().join("/");
            let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let send = |body: serde_json::Value| {
                let sent = app.client.request(method.clone(), app.url(&path));
                told(sent.json(&body))
            };
            let (mut status, _, mut answer) = send(json!({"surprise": 1})).await;
            if answer["responseCode"].is_string() {
                (status, _, answer) = send(json!({"request": {"surprise": 1}})).await;
            }
            if answer.to_string().contains("bad_upload") {
                // A file, whose lines are looked at.
                continue;
            }
            let is_refused = status.is_client_error() || status.as_u16() == 501;
            let names_it = answer.to_string().contains("surprise");
            assert!(
                is_refused && names_it,
                "{method} {path}: {status} {answer:#}"
            );
            walked += 1;
        }
    }
    assert!(walked > 40, "{walked}");
    assert!(app.events().await.is_empty());
}
