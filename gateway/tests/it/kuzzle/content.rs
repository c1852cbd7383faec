//! What HTTP clients of Kuzzle send beside JSON with its type: bodies without one, packed ones,
//! forms, addresses that are not encoded, probes.

use super::{call, fault, ok, world};
use crate::{
    harness::{App, told},
    raw::Raw,
};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use gateway::Config;
use serde_json::{Value, json};
use std::io::Write;

type Headers<'a> = &'a [(&'a str, &'a str)];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn send(app: &App, id: &str, headers: Headers<'_>, body: Vec<u8>) -> Value {
    let path = app.url(&format!("/ix/co/_create?_id={id}"));
    let mut request = app.client.post(path).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    told(request).await.2
}

#[tokio::test]
async fn bodies_without_a_type_and_packed_ones_are_taken() {
    let app = world().await;
    let text = br#"{"name":"x","n":1}"#;
    let json = ("content-type", "application/json");
    let cases: [(&str, Headers, Vec<u8>); 7] = [
        ("bare", &[], text.to_vec()),
        ("gzip", &[json, ("content-encoding", "gzip")], gzip(text)),
        (
            "deflate",
            &[json, ("content-encoding", "deflate")],
            deflate(text),
        ),
        (
            "bare deflate",
            &[json, ("content-encoding", "deflate")],
            deflate(text)[2..deflate(text).len() - 4].to_vec(),
        ),
        (
            "both",
            &[("content-encoding", "deflate, gzip")],
            gzip(&deflate(text)),
        ),
        (
            "identity",
            &[json, ("content-encoding", "identity")],
            text.to_vec(),
        ),
        (
            "capital",
            &[("content-type", "Application/JSON; charset=UTF-8")],
            text.to_vec(),
        ),
    ];
    for (id, headers, body) in cases {
        let answer = send(&app, id, headers, body).await;
        assert_eq!(answer["status"], 200, "{id}: {answer:#}");
        assert_eq!(answer["result"]["_source"]["name"], "x", "{id}");
    }
    let packed = ("content-encoding", "gzip");
    let inflated = ("content-encoding", "deflate");
    let twice = ("content-encoding", "gzip, gzip, gzip, gzip");
    for (headers, body, status, id) in [
        (
            &[json, packed][..],
            text.to_vec(),
            400,
            "network.http.unexpected_error",
        ),
        (
            &[json, packed],
            gzip(text)[..20].to_vec(),
            400,
            "network.http.unexpected_error",
        ),
        (
            &[json, inflated],
            deflate(text)[..12].to_vec(),
            400,
            "network.http.unexpected_error",
        ),
        (
            &[json, inflated],
            [&deflate(b"{}")[..], b"x"].concat(),
            400,
            "network.http.unexpected_error",
        ),
        (
            &[json, inflated],
            text.to_vec(),
            400,
            "network.http.unexpected_error",
        ),
        (
            &[json, ("content-encoding", "br")],
            text.to_vec(),
            400,
            "network.http.unsupported_compression",
        ),
        (
            &[json, twice],
            text.to_vec(),
            400,
            "network.http.unsupported_compression",
        ),
        (
            &[json, packed],
            gzip(&vec![b' '; 2 << 20]),
            413,
            "network.http.request_too_large",
        ),
        (
            &[("content-type", "text/plain")],
            text.to_vec(),
            400,
            "network.http.unsupported_content",
        ),
    ] {
        let answer = send(&app, "bad", headers, body).await;
        let found = (&answer["status"], &answer["error"]["id"]);
        assert_eq!(found, (&json!(status), &json!(id)), "{headers:?}");
    }
}

/// The ratio that a bulk has.
#[tokio::test]
async fn a_body_that_unpacks_to_too_much_is_refused() {
    let app = super::world_with(Config {
        body_limit_bytes: 32 << 20,
        gzip_ratio: 50,
        ..Config::default()
    })
    .await;
    let json = [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let answer = send(&app, "x", &json, gzip(&vec![b' '; 30 << 20])).await;
    assert_eq!(
        answer["error"]["id"], "network.http.request_too_large",
        "{answer:#}"
    );
    let answer = send(
        &app,
        "x",
        &json,
        gzip(format!("{}{{}}", " ".repeat(1 << 20)).as_bytes()),
    )
    .await;
    assert_eq!(answer["status"], 200, "{answer:#}");
}

#[tokio::test]
async fn forms_are_objects() {
    let app = world().await;
    let kind = (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    let answer = send(&app, "f", &[kind], b"name=a+b&n=1&tag=x&tag=y".to_vec()).await;
    let source = &answer["result"]["_source"];
    assert_eq!(
        (&source["name"], &source["tag"]),
        (&json!("a b"), &json!(["x", "y"])),
        "{answer:#}"
    );
    let form = "--zz\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n\
                --zz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\
                Content-Type: text/plain\r\n\r\nhello\r\n--zz--\r\n";
    let kind = ("content-type", "multipart/form-data; boundary=zz");
    let answer = send(&app, "m", &[kind], form.into()).await;
    let source = &answer["result"]["_source"];
    let file = json!({"encoding": "text/plain", "file": "aGVsbG8=", "filename": "a.txt"});
    assert_eq!(
        (&source["name"], &source["f"]),
        (&json!("x"), &file),
        "{answer:#}"
    );
    let answer = send(&app, "m", &[kind], b"--zz\r\nno end".to_vec()).await;
    assert_eq!(answer["error"]["id"], "network.http.body_parse_failed");
}

#[tokio::test]
async fn addresses_may_be_left_unencoded() {
    let app = world().await;
    ok(
        &app,
        "POST",
        "/ix/co/_create?_id=%22%C3%A9%22&refresh=wait_for",
        Some(json!({"n": 1})),
    )
    .await;
    let mut raw = Raw::connect(app.address).await;
    for path in [
        "/ix/co/\"é\"",
        r#"/ix/co/_search?searchBody={"query":{"ids":{"values":["\"é\""]}}}"#,
    ] {
        let path = path.replace('\\', "%5C");
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let answer = raw.until("\"n\":1").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn probes_are_answered() {
    let app = world().await;
    for path in ["/_healthcheck", "/_ready", "/_ready/"] {
        let answer = call(&app, "GET", path, None).await;
        let told = (&answer["status"], &answer["error"], &answer["result"]);
        assert_eq!(told, (&json!(200), &Value::Null, &Value::Null), "{path}");
    }
    fault(
        &app,
        "POST",
        "/_ready",
        None,
        404,
        "network.http.url_not_found",
    )
    .await;
}

#[tokio::test]
async fn a_collection_brings_its_index_and_operations_keep_theirs_apart() {
    let app = crate::harness::app().await;
    let list = || async { ok(&app, "GET", "/_list", None).await["indexes"].clone() };
    assert_eq!(list().await, json!([]), "a fresh store has no index");
    ok(&app, "PUT", "/newindex/c", Some(json!({}))).await;
    assert_eq!(list().await, json!(["newindex"]));
    ok(&app, "DELETE", "/newindex/c", None).await;
    assert_eq!(list().await, json!(["newindex"]));
    ok(&app, "POST", "/other/_create", None).await;
    // A client's own collection beside those of operations.
    ok(&app, "PUT", "/sunbird/mine", Some(json!({}))).await;
    let all = list().await;
    assert_eq!(all, json!(["newindex", "other", "sunbird"]));
    let collections = ok(&app, "GET", "/sunbird/_list", None).await;
    assert_eq!(
        collections["collections"],
        json!([{"name": "mine", "type": "stored"}])
    );
    let gone = ok(&app, "DELETE", "/_mDelete", Some(json!({"indexes": all}))).await;
    assert_eq!(gone["deleted"], all);
    assert_eq!(list().await, json!([]));
    let (_, _, kept) = told(app.get("/v1/collections")).await;
    let kept = kept["collections"].as_array().unwrap();
    assert!(!kept.is_empty() && kept.iter().all(is_operations));
    let id = "services.storage.unexpected_bad_request";
    fault(&app, "DELETE", "/sunbird", None, 400, id).await;
}

/// A collection that an operation of the catalog owns.
fn is_operations(one: &serde_json::Value) -> bool {
    let index = one["index"].as_str().unwrap_or_default();
    matches!(index, "sunbird" | "sunbirdplugin") && one["collection"] != "mine"
}
