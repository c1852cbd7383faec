//! Spans of requests as a collector receives them: one trace from HTTP to the last push, below the
//! caller's span; none where the caller says so, none without an endpoint.

use crate::pipeline::Pipeline;
use futures::{SinkExt, StreamExt};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::Message;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Takes OTLP over HTTP and keeps what it was sent.
struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let spans: Arc<Mutex<Vec<Span>>> = Arc::default();
        let kept = spans.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = kept.clone();
                std::thread::spawn(move || receive(stream, &kept));
            }
        });
        Self { address, spans }
    }

    fn named(&self, name: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        spans
            .iter()
            .filter(|span| span.name == name)
            .cloned()
            .collect()
    }

    async fn wait_for(&self, name: &str) -> Span {
        let began = Instant::now();
        loop {
            if let Some(span) = self.named(name).pop() {
                return span;
            }
            let names = || -> Vec<String> {
                let spans = self.spans.lock().unwrap();
                spans.iter().map(|span| span.name.clone()).collect()
            };
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "no span {name} among {:?}",
                names()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The requests of one connection.
fn receive(stream: TcpStream, kept: &Mutex<Vec<Span>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut first) = (0, String::new());
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        assert!(first.starts_with("POST /v1/traces "), "{first}");
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
        for resource in request.resource_spans {
            for scope in resource.scope_spans {
                kept.lock().unwrap().extend(scope.spans);
            }
        }
        writer
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
    }
}

fn traced(folder: &Path, endpoint: &str) -> Pipeline {
    let settings = format!("[tracing]\notlp_endpoint = {endpoint:?}\n");
    std::fs::write(folder.join("consign.toml"), settings).unwrap();
    Pipeline::start(folder)
}

async fn create(pipeline: &Pipeline, id: &str, traceparent: &str) -> Value {
    let response = reqwest::Client::new()
        .post(format!("{}/v1/operations/document.create", pipeline.url))
        .header("prefer", "wait=20")
        .header("traceparent", traceparent)
        .json(&json!({"index": "demo", "collection": "notes", "_id": id, "body": {"n": 1}}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let attribute = span.attributes.iter().find(|known| known.key == key)?;
    match attribute.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_request_is_one_trace_from_http_to_push() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start());
    let pipeline = traced(folder.path(), &collector.address);
    let (status, made) = pipeline
        .call("PUT", "/v1/collections/demo/notes", None)
        .await;
    assert_eq!(status, 201, "{made}");
    let socket = format!("{}/", pipeline.url.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(socket).await.unwrap();
    let subscribe = json!({"controller": "realtime", "action": "subscribe", "index": "demo", "collection": "notes", "body": {}});
    socket
        .send(Message::text(subscribe.to_string()))
        .await
        .unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert!(answer.to_string().contains("roomId"), "{answer}");

    let unsampled = format!("00-{TRACE}-{CALLER}-00");
    create(&pipeline, "untraced", &unsampled).await;
    let applied = create(&pipeline, "a", &format!("00-{TRACE}-{CALLER}-01")).await;
    let mut pushed = 0;
    while pushed < 2 {
        let frame = socket.next().await.unwrap().unwrap();
        pushed += usize::from(frame.to_string().contains("\"_id\":"));
    }

    let pushed = collector.wait_for("push").await;
    let served = collector
        .wait_for("POST /v1/operations/document.create")
        .await;
    assert_eq!(hex(&served.trace_id), TRACE);
    assert_eq!(hex(&served.parent_span_id), CALLER, "below the caller's");
    assert_eq!(served.kind, SpanKind::Server as i32);
    assert_eq!(
        attribute(&served, "http.response.status_code").as_deref(),
        Some("200")
    );
    for name in ["decide", "apply", "notify", "push"] {
        let span = collector.wait_for(name).await;
        assert_eq!(hex(&span.trace_id), TRACE, "{name}");
        assert_eq!(
            span.parent_span_id, served.span_id,
            "{name}: below the request"
        );
        assert_eq!(
            attribute(&span, "consign.request").as_deref(),
            applied["request_id"].as_str(),
            "{name}: of the request that is traced"
        );
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    assert_eq!(
        attribute(&pushed, "consign.recipients").as_deref(),
        Some("1")
    );
    assert!(pipeline.terminate().success());
    assert_eq!(
        collector.named("decide").len(),
        1,
        "the other was not traced"
    );
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_alone() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let pipeline = traced(folder.path(), &format!("http://{}", closed.unwrap()));
    let (status, made) = pipeline
        .call("PUT", "/v1/collections/demo/notes", None)
        .await;
    assert_eq!(status, 201, "{made}");
    create(&pipeline, "a", &format!("00-{TRACE}-{CALLER}-01")).await;
    assert!(pipeline.terminate().success());
    let log = std::fs::read_to_string(folder.path().join("dev.log")).unwrap();
    assert!(log.contains("spans cannot be exported"), "{log}");
}

#[test]
fn what_is_no_endpoint_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, says) in [
        ("tracing.otlp_endpoint=ftp://x", "it begins with http://"),
        ("tracing.sample_ratio=2.5", "from 0 to 1"),
    ] {
        let output = crate::pipeline::run(&["dev", "--set", setting], folder.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}
