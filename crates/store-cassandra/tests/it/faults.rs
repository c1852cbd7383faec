//! Cassandra away, frozen, killed and back: every call ends in time, every verdict says that the
//! write is worth repeating, and the store finds the server again by itself.

use crate::keyspace::config;
use event_schema::outcome::Verdict;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use store::{
    ItemVerdict, Record, StoreError,
    contract::{self, Fixture, answers::all_done},
};
use store_cassandra::{Cassandra, Config};
use testbed::{CommitLogSync, PrivateOptions, Proxy, Server, Servers};

fn impatient(address: &str, keyspace: &str) -> Cassandra {
    let config = Config {
        request_timeout_ms: 1_500,
        connect_timeout_ms: 1_000,
        ..config(address, keyspace)
    };
    Cassandra::new(config).expect("the configuration is right")
}

async fn back(record: &Cassandra, patience: Duration) -> Duration {
    let began = Instant::now();
    while record.ready().await.is_err() {
        assert!(
            began.elapsed() < patience,
            "the store does not find the server again"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_said_in_time() {
    let record = impatient("127.0.0.1:1", "nobody");
    let f = Fixture::new();
    let began = Instant::now();
    assert!(matches!(
        record.ready().await,
        Err(StoreError::Unavailable { .. })
    ));
    let verdicts = record
        .apply(&[f.put("d", 1, "{}"), f.put_row(1, serde_json::json!({}), 1)])
        .await;
    assert!(
        verdicts
            .iter()
            .all(|verdict| matches!(verdict, ItemVerdict::Transient(_))),
        "{verdicts:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
}

/// Frozen, cut after the request went through, killed with -9 and started again: one private server
/// for all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_and_back() {
    let servers = Servers::private(&PrivateOptions {
        servers: vec![Server::Cassandra],
        ..PrivateOptions::default()
    })
    .expect("a server");
    let proxy = Proxy::start(&servers.addresses().cassandra).expect("a proxy");
    let record = impatient(&proxy.address(), "faults");
    record
        .migrate(&contract::tables())
        .await
        .expect("a migration");
    let f = Fixture::new();
    all_done(&record.apply(&[f.put("d", 1, r#"{"n":1}"#)]).await, 1);
    all_done(
        &record.remember(&[f.entry(1, 1, Verdict::Applied)]).await,
        1,
    );
    // Warm: no statement must be prepared while nobody answers.
    record.documents(&[f.key("d")]).await.expect("a read");

    servers.stop(Server::Cassandra).expect("frozen");
    let began = Instant::now();
    let batch: Vec<_> = (0..400)
        .map(|n| f.put(&format!("d{n}"), n + 10, r#"{"n":2}"#))
        .collect();
    let verdicts = record.apply(&batch).await;
    assert!(
        verdicts
            .iter()
            .all(|verdict| matches!(verdict, ItemVerdict::Transient(_))),
        "a frozen server acknowledges nothing"
    );
    assert!(matches!(
        record.documents(&[f.key("d")]).await,
        Err(StoreError::Unavailable { .. })
    ));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    servers.cont(Server::Cassandra).expect("thawed");
    eprintln!(
        "back after a freeze: {:?}",
        back(&record, Duration::from_secs(40)).await
    );
    all_done(&record.apply(&batch).await, batch.len());

    // The request passes, the answer is lost: the outcome is unknown, and the same write again is
    // the same.
    let route = OneWay::start(&servers.addresses().cassandra);
    let deaf = impatient(&route.address, "faults");
    deaf.documents(&[f.key("d")]).await.expect("a read");
    all_done(&deaf.apply(&[f.put("warm", 999, "{}")]).await, 1);
    route.swallow_answers();
    let write = [f.put("unknown", 1_000, r#"{"n":3}"#)];
    let verdicts = deaf.apply(&write).await;
    assert!(
        matches!(&verdicts[..], [ItemVerdict::Transient(_)]),
        "{verdicts:?}"
    );
    let applied = Some(Some(r#"{"n":3}"#.to_owned()));
    assert_eq!(
        contract::answers::body(&record, &f.key("unknown")).await,
        applied,
        "it was applied all the same"
    );
    all_done(&record.apply(&write).await, 1);
    assert_eq!(
        contract::answers::body(&record, &f.key("unknown")).await,
        applied
    );

    proxy.cut();
    assert!(matches!(
        &record.apply(&[f.put("cut", 1_001, "{}")]).await[..],
        [ItemVerdict::Transient(_)]
    ));
    proxy.restore();
    eprintln!(
        "back after a cut: {:?}",
        back(&record, Duration::from_secs(40)).await
    );

    servers.kill9(Server::Cassandra).expect("killed");
    let began = Instant::now();
    let verdicts = record.apply(&[f.put("d", 2_000, "{}")]).await;
    assert!(
        matches!(&verdicts[..], [ItemVerdict::Transient(_)]),
        "{verdicts:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    servers.start(Server::Cassandra).expect("started again");
    eprintln!(
        "back after kill -9: {:?}",
        back(&record, Duration::from_secs(60)).await
    );
    assert_eq!(
        contract::answers::body(&record, &f.key("d")).await,
        Some(Some(r#"{"n":1}"#.to_owned())),
        "with batch sync nothing is forgotten"
    );
    all_done(&record.apply(&[f.put("d", 2_000, "{}")]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_lose_or_refuse_writes_are_named() {
    let options = PrivateOptions {
        servers: vec![Server::Cassandra],
        cassandra_sync: CommitLogSync::Periodic,
        cassandra_setting: "maximum_timestamp_fail_threshold: 1d".to_owned(),
        ..PrivateOptions::default()
    };
    let servers = Servers::private(&options).expect("a server");
    let record = Cassandra::new(config(&servers.addresses().cassandra, "weak"))
        .expect("the configuration is right");
    record.migrate(&[]).await.expect("a migration");
    let weaknesses = record.weaknesses().await.expect("settings");
    assert!(
        weaknesses
            .iter()
            .any(|weakness| weakness.setting == "commitlog_sync" && weakness.found == "periodic"),
        "{weaknesses:?}"
    );
    assert_eq!(
        record.may_forget().await,
        Ok(Some(Duration::from_secs(60))),
        "so much may be lost when the node is killed"
    );
    // It would refuse every write of a user that is no superuser (here all are).
    let refused = record.check_settings().await;
    assert!(
        matches!(&refused, Err(StoreError::Refused { why, .. }) if why.contains("maximum_timestamp_fail_threshold")),
        "{refused:?}"
    );
}

/// A route on which requests always arrive, and answers only until it is told to swallow them.
struct OneWay {
    address: String,
    deaf: Arc<AtomicBool>,
}

impl OneWay {
    fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (deaf, target) = (Arc::new(AtomicBool::new(false)), target.to_owned());
        let swallow = Arc::clone(&deaf);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else {
                    return;
                };
                let (Ok(client_up), Ok(server_up)) = (client.try_clone(), server.try_clone())
                else {
                    return;
                };
                std::thread::spawn(move || {
                    std::io::copy(&mut &client_up, &mut &server_up).map(drop)
                });
                let swallow = Arc::clone(&swallow);
                std::thread::spawn(move || answers(&server, &client, &swallow));
            }
        });
        Self { address, deaf }
    }

    fn swallow_answers(&self) {
        self.deaf.store(true, Ordering::SeqCst);
    }
}

fn answers(mut server: &TcpStream, mut client: &TcpStream, swallow: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = server.read(&mut buffer) {
        if !swallow.load(Ordering::SeqCst) && client.write_all(&buffer[..n]).is_err() {
            return;
        }
    }
}
