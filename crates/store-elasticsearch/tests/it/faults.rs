//! Elasticsearch away, frozen, killed and back: every call ends in time, every verdict says that
//! the write is worth repeating, and what was applied without an answer is not applied twice.

use crate::prefix::{config, http};
use std::time::{Duration, Instant};
use store::{
    ItemVerdict, SearchRequest, StoreError, View,
    contract::{Fixture, answers::all_done},
};
use store_elasticsearch::{Config, Elasticsearch};
use testbed::{PrivateOptions, Proxy, Server, Servers};

fn impatient(address: &str) -> Elasticsearch {
    let config = Config {
        request_timeout_ms: 1_500,
        ..config(&format!("http://{address}"), "faults.")
    };
    Elasticsearch::new(config).expect("the configuration is right")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_said_in_time() {
    let (view, f) = (impatient("127.0.0.1:1"), Fixture::new());
    let began = Instant::now();
    assert!(matches!(
        view.ready().await,
        Err(StoreError::Unavailable { .. })
    ));
    assert!(matches!(
        view.search(&f.collection, &SearchRequest::default()).await,
        Err(StoreError::Unavailable { .. })
    ));
    assert!(matches!(
        &view.apply(&[f.document("d", 1, None)]).await[..],
        [ItemVerdict::Transient(_)]
    ));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_dead_node_of_two_is_stepped_over() {
    let shared = Servers::shared().addresses().elasticsearch_url();
    let view = Elasticsearch::new(Config {
        urls: vec!["http://127.0.0.1:1".into(), shared],
        ..Config::default()
    })
    .expect("right");
    for _ in 0..4 {
        view.ready().await.expect("the other node answers");
    }
}

/// Frozen, cut after the request went through, killed with -9 and started again: one private server
/// for all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_and_back() {
    let servers = Servers::private(&PrivateOptions {
        servers: vec![Server::Elasticsearch],
        ..PrivateOptions::default()
    })
    .expect("a server");
    let direct = servers.addresses().elasticsearch.clone();
    let proxy = Proxy::start(&direct).expect("a proxy");
    let view = impatient(&proxy.address());
    let f = Fixture::new();
    let patient =
        Elasticsearch::new(config(&format!("http://{direct}"), "faults.")).expect("right");
    patient
        .create_collection(&f.collection)
        .await
        .expect("made");
    all_done(
        &patient
            .apply(&[f.document("d", 1, Some(r#"{"n":1}"#))])
            .await,
        1,
    );

    over_large(&direct).await;

    servers.stop(Server::Elasticsearch).expect("frozen");
    let began = Instant::now();
    let batch: Vec<_> = (0..300)
        .map(|n| f.document(&format!("d{n}"), n + 10, Some(r#"{"n":2}"#)))
        .collect();
    let verdicts = view.apply(&batch).await;
    assert!(
        verdicts
            .iter()
            .all(|verdict| matches!(verdict, ItemVerdict::Transient(_))),
        "a frozen server acknowledges nothing"
    );
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    servers.cont(Server::Elasticsearch).expect("thawed");
    // The frozen requests are carried out now, or not: either way the same writes again are done.
    all_done(&patient.apply(&batch).await, batch.len());

    // The request passes, the answer does not.
    let write = [f.document("unknown", 1_000, Some(r#"{"n":3}"#))];
    let applied = async {
        while http(
            &direct,
            "GET",
            &format!(
                "/faults.{}.things.a1b2c3d4/_doc/unknown",
                f.collection.index
            ),
            None,
        )
        .0 != 200
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let lost = lossy(&direct, &write);
    let (verdicts, ()) = tokio::join!(lost, applied);
    assert!(
        matches!(&verdicts[..], [ItemVerdict::Transient(_)]),
        "{verdicts:?}"
    );
    all_done(&patient.apply(&write).await, 1);
    assert_eq!(
        version_of(&direct, &f, "unknown"),
        f.version(1_000).0,
        "applied once"
    );

    proxy.cut();
    assert!(matches!(
        &view.apply(&write).await[..],
        [ItemVerdict::Transient(_)]
    ));
    proxy.restore();
    servers.kill9(Server::Elasticsearch).expect("killed");
    let began = Instant::now();
    assert!(matches!(
        &view.apply(&[f.document("d", 2_000, Some("{}"))]).await[..],
        [ItemVerdict::Transient(_)]
    ));
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    servers.start(Server::Elasticsearch).expect("started again");
    let began = Instant::now();
    while view.apply(&[f.document("d", 2_000, Some("{}"))]).await != [ItemVerdict::Done] {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "the store does not find the server again"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    eprintln!("back after kill -9: {:?}", began.elapsed());
    all_done(&patient.apply(&batch).await, batch.len());
}

/// Larger than a tenth of the heap, or than what is left of it: refused however often it is sent,
/// taken in parts. On a private server, because it crowds others out.
async fn over_large(address: &str) {
    let one_request = Config {
        bulk_bytes: 1 << 30,
        request_timeout_ms: 120_000,
        ..config(&format!("http://{address}"), "faults.")
    };
    let view = Elasticsearch::new(one_request).expect("right");
    let f = Fixture::with_mappings(
        serde_json::json!({"properties": {"t": {"enabled": false, "type": "object"}}}),
    );
    view.create_collection(&f.collection).await.expect("made");
    let text = |mebibytes: usize| format!(r#"{{"t":{{"x":"{}"}}}}"#, "x".repeat(mebibytes << 20));
    let large = text(12);
    let batch: Vec<_> = (0..6)
        .map(|n| f.document(&format!("d{n}"), n + 1, Some(&large)))
        .collect();
    all_done(&view.apply(&batch).await, 6);
    // Beyond what any request may have (100 MB, answered 413 without a body), however it is cut.
    let verdicts = view
        .apply(&[
            f.document("huge", 10, Some(&text(101))),
            f.document("small", 11, Some("{}")),
        ])
        .await;
    assert!(
        matches!(&verdicts[0], ItemVerdict::Permanent { code, .. } if code == "too_large"),
        "{:?}",
        verdicts[0]
    );
    assert_eq!(verdicts[1], ItemVerdict::Done);
}

fn version_of(address: &str, fixture: &Fixture, id: &str) -> u64 {
    let path = format!(
        "/faults.{}.things.a1b2c3d4/_doc/{id}",
        fixture.collection.index
    );
    http(address, "GET", &path, None).1["_version"]
        .as_u64()
        .expect("a version")
}

/// A route on which every request arrives and no answer comes back: a time-out of unknown outcome.
async fn lossy(address: &str, write: &[store::DocumentWrite]) -> Vec<ItemVerdict> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let route = listener.local_addr().expect("an address").to_string();
    let target = address.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(mut server) = std::net::TcpStream::connect(&target) else {
                return;
            };
            std::thread::spawn(move || std::io::copy(&mut &client, &mut server).map(drop));
        }
    });
    impatient(&route).apply(write).await
}
