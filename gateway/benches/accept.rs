//! How many single 1 KiB writes a second the gateway accepts on the embedded log over 64
//! connections, against an axum handler that parses the same JSON, appends to nothing and answers
//! 202. Clients and server share the process, so the ratio is what counts.
//!
//! `cargo bench -p gateway --bench accept -- [seconds]`

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on says where"
)]

use axum::{Json, Router, http::StatusCode, routing::post};
use event_log::{CleanupPolicy, Durability, TopicSpec, embedded};
use event_schema::{
    signing::Keyring,
    topics::{self, Cleanup, Layout},
};
use runtime::{Health, Shutdown, SystemClock};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use store::Record;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const CONNECTIONS: usize = 64;

#[tokio::main]
async fn main() {
    let seconds = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(folder.path()).await;
    let bare = bare().await;
    for round in 0..3 {
        let bare = rate(bare, seconds).await;
        let gateway = rate(gateway, seconds).await;
        println!(
            "round {round}: bare {bare:.0}/s, gateway {gateway:.0}/s, ratio {:.2}",
            gateway / bare
        );
    }
}

async fn bare() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = async |Json(value): Json<serde_json::Value>| {
        std::hint::black_box(&value);
        (
            StatusCode::ACCEPTED,
            Json(serde_json::json!({"status": "accepted"})),
        )
    };
    let router = Router::new().route("/v1/operations/{operation}", post(handler));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn gateway(folder: &std::path::Path) -> SocketAddr {
    let (log, handle) =
        embedded::open_log(&folder.join("log"), embedded::Options::default()).unwrap();
    std::mem::forget(handle);
    let layout = Layout {
        prefix: "b.".into(),
        generation: 1,
        partitions: 12,
        document_limit: 1 << 20,
    };
    let spec = |topic: &topics::Topic| TopicSpec {
        name: layout.name(topic),
        partitions: layout.partitions(topic),
        cleanup: match topic.cleanup {
            Cleanup::ByOwner => CleanupPolicy::Keep,
            Cleanup::Age(millis) => CleanupPolicy::Age(millis),
            Cleanup::Compact => CleanupPolicy::Compact,
        },
        record_limit: layout.record_limit(topic),
        durable: topic.durable,
    };
    log.admin
        .create(&topics::ALL.iter().map(spec).collect::<Vec<_>>())
        .await
        .unwrap();
    let store = Arc::new(
        store_embedded::EmbeddedStore::open(store_embedded::Config::new(
            folder.join("store.sqlite"),
        ))
        .unwrap(),
    );
    let catalog = catalog::Catalog::builtin().unwrap();
    Record::migrate(store.as_ref(), catalog.tables())
        .await
        .unwrap();
    let collection = store::Collection {
        index: "geo".into(),
        collection: "cities".into(),
        incarnation: "bench000".into(),
        mappings: None,
        settings: None,
        created: 0,
        specifications: None,
        changing: None,
    };
    Record::create_collection(store.as_ref(), &collection)
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (trigger, shutdown) = Shutdown::manual();
    std::mem::forget(trigger);
    let keys = Keyring::new(1, *b"0123456789abcdef");
    let masters = sealing::MasterKeys::derived(&keys);
    let ports = gateway::Ports {
        feedback: gateway::LocalFeedback::default(),
        sealing: sealing::SubjectKeys::new(store.clone(), keys.clone(), masters),
        log,
        catalog: catalog.into(),
        catalog_source: None,
        record: store.clone(),
        view: Some(store),
        keys,
        layout,
        clock: Arc::new(SystemClock),
        spool: None,
        durability: tokio::sync::watch::channel(Some(Durability::Embedded)).1,
        health: Health::default(),
        registry: prometheus::Registry::new(),
    };
    tokio::spawn(gateway::run(
        gateway::Config::default(),
        listener,
        ports,
        shutdown,
    ));
    address
}

/// Answers a second that were 202.
async fn rate(address: SocketAddr, seconds: u64) -> f64 {
    let (count, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(ask(address, client, count.clone(), stop.clone()));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = count.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = count.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    (after - before) as f64 / seconds as f64
}

async fn ask(address: SocketAddr, client: usize, count: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let tags: Vec<_> = (0..70).map(|n| format!("tag-{n:04}")).collect();
    let mut buffer = vec![0; 8 << 10];
    for n in 0u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let document = serde_json::json!({"name": format!("city {n}"), "population": n, "location": {"lat": 48.85, "lon": 2.35}, "tags": tags});
        let body =
            serde_json::json!({"index": "geo", "collection": "cities", "_id": format!("{client}-{n}"), "body": document}).to_string();
        let head = format!(
            "POST /v1/operations/document.createOrReplace HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let read = answer(&mut stream, &mut buffer).await;
        assert!(
            buffer[..read].starts_with(b"HTTP/1.1 202"),
            "{}",
            String::from_utf8_lossy(&buffer[..read])
        );
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads one whole answer with a Content-Length.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(end) = buffer[..filled]
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length: usize = head
            .split("content-length: ")
            .nth(1)
            .unwrap()
            .split("\r\n")
            .next()
            .unwrap()
            .parse()
            .unwrap();
        if filled >= end + 4 + length {
            return filled;
        }
    }
}
