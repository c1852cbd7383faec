//! A broker of its own that is killed, and one that falls silent.

use crate::contract::{ALL, Told, record, soon, spec, value};
use event_log::{
    ConsumerEvent, Log, StreamError,
    consumer::From,
    kafka::{self, KafkaSettings},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use testbed::{PrivateOptions, Proxy, Server, Servers};

/// Not each time that the broker is fenced does a client ask at the wrong moment.
const ROUNDS: u32 = 10;

fn private(advertised: Option<u16>) -> Servers {
    Servers::private(&PrivateOptions {
        servers: vec![Server::Kafka],
        kafka_advertised_port: advertised,
        ..PrivateOptions::default()
    })
    .unwrap()
}

fn connect(brokers: &str) -> Log {
    kafka::connect_log(KafkaSettings {
        brokers: brokers.to_owned(),
        properties: BTreeMap::new(),
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_and_reorders_nothing() {
    let servers = tokio::task::spawn_blocking(|| private(None)).await.unwrap();
    let log = connect(servers.addresses().of(Server::Kafka));
    let spec = spec(2);
    assert_eq!(
        log.admin.create(std::slice::from_ref(&spec)).await.unwrap(),
        []
    );
    let topic = spec.name;
    let following = {
        let mut stream = log.reader.tail(&topic, 0, From::Earliest).await.unwrap();
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            while numbers.last() != Some(&u64::MAX) {
                let records = stream.next(ALL).await.unwrap();
                numbers.extend(
                    records
                        .iter()
                        .map(|record| value(record).parse::<u64>().unwrap()),
                );
            }
            numbers
        })
    };
    let breaking = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_secs(2));
        servers.kill9(Server::Kafka).unwrap();
        std::thread::sleep(Duration::from_secs(3));
        servers.start(Server::Kafka).unwrap();
        servers
    });
    let (mut sent, mut number, mut was_down) = (Vec::new(), 0_u64, false);
    // Under load all the time: before, without a broker, and after.
    while !breaking.is_finished() || number < 20_000 {
        let partition = u16::try_from(number % 2).unwrap();
        if let Ok(delivery) = log
            .publisher
            .send(record(&topic, partition, &number.to_string()))
        {
            sent.push((partition, number, delivery));
            number += 1;
        }
        if number.is_multiple_of(50) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        was_down |= !log.publisher.healthy();
    }
    let servers = breaking.await.unwrap();
    assert!(was_down, "nobody was told that no broker was there");
    assert_eq!(log.publisher.flush(Duration::from_secs(90)).await, 0);
    let mut last = [None; 2];
    for (partition, number, delivery) in sent {
        let appended = delivery
            .await
            .unwrap_or_else(|error| panic!("record {number}: {error}"));
        let last = &mut last[usize::from(partition)];
        assert!(
            last.is_none_or(|last| appended.offset > last),
            "record {number} stands before the one sent before it"
        );
        *last = Some(appended.offset);
    }
    assert!(log.publisher.healthy());
    log.publisher
        .send(record(&topic, 0, &u64::MAX.to_string()))
        .unwrap()
        .await
        .unwrap();
    let numbers = soon(following).await.unwrap();
    let expected: Vec<u64> = (0..number).step_by(2).chain([u64::MAX]).collect();
    assert_eq!(
        numbers.len(),
        expected.len(),
        "something is missing or stands twice"
    );
    assert_eq!(numbers, expected);
    drop(servers);
}

/// A broker behind a proxy that can be frozen.
async fn proxied() -> (Servers, Proxy) {
    tokio::task::spawn_blocking(|| {
        // The port must be known before the broker is, the broker before the proxy is.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let servers = private(Some(port));
        let proxy = Proxy::on(port, servers.addresses().of(Server::Kafka)).unwrap();
        (servers, proxy)
    })
    .await
    .unwrap()
}

/// Longer than any time-out a client might have: librdkafka gives records up after 60 s where its
/// properties are the usual ones, and appends those behind them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_outage_gives_up_no_record_and_leaves_no_hole() {
    let (servers, proxy) = proxied().await;
    let log = connect(&proxy.address());
    let spec = spec(1);
    let created = log.admin.create(std::slice::from_ref(&spec)).await;
    assert_eq!(created.unwrap(), []);
    let send = |number: u64| {
        let record = record(&spec.name, 0, &number.to_string());
        log.publisher.send(record).unwrap()
    };
    send(0).await.unwrap();
    let mut scan = log.scan(&spec.name, 0, 0..1);
    proxy.freeze();
    let silent = scan.next().await;
    assert!(
        matches!(silent, Err(StreamError::Unavailable(_))),
        "a log that is silent was taken for an empty one: {silent:?}"
    );
    let frozen = Instant::now();
    let (mut sent, mut is_back) = (Vec::new(), false);
    // Some wait longer than others: the first are the ones that would be given up.
    for number in 1..=1_600_u64 {
        sent.push(send(number));
        tokio::time::sleep(Duration::from_millis(50)).await;
        if !is_back && frozen.elapsed() >= Duration::from_secs(68) {
            assert!(!log.publisher.healthy(), "the outage was not noticed");
            proxy.restore();
            is_back = true;
        }
    }
    assert!(is_back, "the broker was not frozen for long enough");
    for (number, delivery) in (1..).zip(sent) {
        let appended = soon(delivery).await;
        let offset = appended.map(|appended| appended.offset);
        assert_eq!(offset, Ok(number), "record {number}");
    }
    assert!(log.publisher.healthy());
    drop(servers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_unnoticed_is_lost() {
    let (servers, proxy) = proxied().await;
    let log = connect(&proxy.address());
    let spec = spec(2);
    assert_eq!(
        log.admin.create(std::slice::from_ref(&spec)).await.unwrap(),
        []
    );
    let mut member = Told::join(&log, "silent", &spec.name).await;
    member.until(2).await;
    let mut stream = member.consumer.open(0, 0).await.unwrap();
    proxy.freeze();
    let before = Instant::now();
    member.until(0).await;
    assert!(
        matches!(member.events.last(), Some(ConsumerEvent::Lost(_))),
        "{:?}",
        member.events
    );
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "a session is ten seconds: {:?}",
        before.elapsed()
    );
    assert_eq!(
        soon(stream.next(ALL)).await.err(),
        Some(StreamError::Revoked)
    );
    assert_eq!(
        member.consumer.open(0, 0).await.err(),
        Some(StreamError::Revoked)
    );
    proxy.restore();
    member.until(2).await;
    let mut stream = member.consumer.open(0, 0).await.unwrap();
    log.publisher
        .send(record(&spec.name, 0, "after"))
        .unwrap()
        .await
        .unwrap();
    assert_eq!(value(&soon(stream.next(ALL)).await.unwrap()[0]), "after");
    drop(servers);
}

/// A broker that misses its heartbeats is left out of the metadata that it answers itself, until
/// the controller takes it back: a client that asks meanwhile is told that there is no broker. This
/// one is fenced for two seconds out of five.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_fenced_is_found_again_by_every_client() {
    let servers = tokio::task::spawn_blocking(|| {
        Servers::private(&PrivateOptions {
            servers: vec![Server::Kafka],
            kafka_setting: "broker.heartbeat.interval.ms=5000".into(),
            ..PrivateOptions::default()
        })
        .unwrap()
    });
    let servers = servers.await.unwrap();
    let logs: Vec<Log> = (0..4)
        .map(|_| connect(servers.addresses().of(Server::Kafka)))
        .collect();
    let spec = spec(4);
    let created = logs[0].admin.create(std::slice::from_ref(&spec)).await;
    assert_eq!(created.unwrap(), []);
    let topic = &spec.name;
    let (mut members, mut streams) = (Vec::new(), Vec::new());
    for (partition, log) in (0..).zip(&logs) {
        let group = format!("fenced-{partition}");
        members.push(Told::join(log, &group, topic).await);
        streams.push(log.reader.tail(topic, partition, From::End).await.unwrap());
    }
    for member in &mut members {
        member.until(4).await;
    }
    for round in 0..ROUNDS {
        let last = format!("round {round}");
        for ((partition, log), stream) in (0..).zip(&logs).zip(&mut streams) {
            let delivery = log.publisher.send(record(topic, partition, &last)).unwrap();
            soon(delivery).await.unwrap();
            soon(async {
                let is_last = |found: &event_log::Record| value(found) == last;
                while !stream.next(ALL).await.unwrap().iter().any(is_last) {}
            })
            .await;
        }
        let another = crate::contract::spec(1);
        let created = logs[0].admin.create(std::slice::from_ref(&another)).await;
        assert_eq!(created, Ok(vec![]), "{last}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    for member in &members {
        soon(async { while member.consumer.committed(0).await.is_err() {} }).await;
    }
    drop(servers);
}
