//! A producer that fails for good, on a real broker.

use super::*;
use crate::{
    Limits, Log, TopicSpec,
    admin::CleanupPolicy,
    consumer::From,
    kafka::{KafkaSettings, connect_log},
    publisher::DeliveryError,
    record::RESENT,
};
use std::{collections::BTreeMap, sync::atomic::AtomicU64};
use testbed::{Server, Servers};

fn settings() -> KafkaSettings {
    KafkaSettings {
        brokers: Servers::shared().addresses().of(Server::Kafka).to_owned(),
        properties: BTreeMap::new(),
    }
}

fn publisher(settings: KafkaSettings) -> KafkaPublisher {
    KafkaPublisher::new(
        &Arc::new(CheckedProperties::new(settings).unwrap()),
        Arc::default(),
    )
    .unwrap()
}

async fn topic(log: &Log, partitions: u16) -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "publisher.{}.{}",
        std::process::id(),
        LAST.fetch_add(1, Ordering::Relaxed)
    );
    let spec = TopicSpec {
        name: name.clone(),
        partitions,
        cleanup: CleanupPolicy::Keep,
        record_limit: 1 << 20,
        durable: true,
    };
    assert_eq!(log.admin.create(&[spec]).await.unwrap(), []);
    name
}

fn record(topic: &str, partition: u16, number: u64) -> NewRecord {
    let value = Some(number.to_string().into());
    NewRecord {
        topic: topic.into(),
        partition,
        key: None,
        value,
        headers: vec![("number".into(), number.to_string().into())],
    }
}

async fn numbers(log: &Log, topic: &str, partition: u16) -> Vec<u64> {
    all(log, topic, partition)
        .await
        .into_iter()
        .map(|(number, _)| number)
        .collect()
}

/// Numbers, and whether the record says that it was sent again.
async fn all(log: &Log, topic: &str, partition: u16) -> Vec<(u64, bool)> {
    let end = log.admin.offsets(topic, partition).await.unwrap().end;
    let mut stream = log
        .reader
        .tail(topic, partition, From::Earliest)
        .await
        .unwrap();
    let mut numbers = Vec::new();
    while numbers.len() < usize::try_from(end).unwrap() {
        let records = stream
            .next(Limits {
                records: 10_000,
                bytes: 64 << 20,
            })
            .await
            .unwrap();
        numbers.extend(records.iter().map(|record| {
            let number = std::str::from_utf8(record.value.as_deref().unwrap())
                .unwrap()
                .parse()
                .unwrap();
            (
                number,
                record.headers.iter().any(|(name, _)| name == RESENT),
            )
        }));
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fatal_error_loses_and_reorders_nothing() {
    let log = connect_log(settings()).unwrap();
    let topic = topic(&log, 3).await;
    let publisher = publisher(settings());
    let mut sent = Vec::new();
    for number in 0..30_000_u64 {
        if number % 7_000 == 3_000 {
            publisher.shared().break_producer();
        }
        let partition = u16::try_from(number % 3).unwrap();
        sent.push((
            partition,
            number,
            publisher.send(record(&topic, partition, number)).unwrap(),
        ));
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!(publisher.flush(Duration::from_secs(60)).await, 0);
    let mut acknowledged: Vec<BTreeMap<u64, u64>> = vec![BTreeMap::new(); 3];
    for (partition, number, delivery) in sent {
        let appended = delivery.await.unwrap();
        acknowledged[usize::from(partition)].insert(appended.offset, number);
    }
    let mut resent = 0;
    for partition in 0..3_u16 {
        let all = all(&log, &topic, partition).await;
        for (offset, number) in &acknowledged[usize::from(partition)] {
            assert_eq!(
                all[usize::try_from(*offset).unwrap()].0,
                *number,
                "what is acknowledged stands where it is said to"
            );
        }
        let mut seen = std::collections::BTreeSet::new();
        let (first, again): (Vec<_>, Vec<_>) = all
            .iter()
            .copied()
            .partition(|(number, _)| seen.insert(*number));
        let first: Vec<u64> = first.into_iter().map(|(number, _)| number).collect();
        assert!(
            again.iter().all(|(_, resent)| *resent),
            "what stands twice says so"
        );
        assert_eq!(
            first,
            (0..10_000)
                .map(|number| number * 3 + u64::from(partition))
                .collect::<Vec<_>>()
        );
        resent += all.iter().filter(|(_, resent)| *resent).count();
        println!(
            "partition {partition}: {} of {} stand twice",
            all.len() - first.len(),
            all.len()
        );
    }
    assert!(
        resent > 0,
        "nothing was in flight when the producer failed: the test shows nothing"
    );
    assert!(publisher.healthy());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_broken_while_idle_is_replaced() {
    let log = connect_log(settings()).unwrap();
    let topic = topic(&log, 1).await;
    let publisher = publisher(settings());
    for number in 0..5 {
        publisher.shared().break_producer();
        assert_eq!(
            publisher
                .send(record(&topic, 0, number))
                .unwrap()
                .await
                .unwrap()
                .offset,
            number
        );
        tokio::time::sleep(Duration::from_millis(10 * number)).await;
    }
    assert_eq!(numbers(&log, &topic, 0).await, [0, 1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_broker_a_record_waits_and_the_queue_stays_bounded() {
    let unreachable = KafkaSettings {
        brokers: "127.0.0.1:1".into(),
        properties: BTreeMap::from([("queue.buffering.max.messages".into(), "10".into())]),
    };
    let publisher = publisher(unreachable);
    let mut deliveries: Vec<_> = (0..10)
        .map(|number| publisher.send(record("nowhere", 0, number)).unwrap())
        .collect();
    let refused = publisher.send(record("nowhere", 0, 10)).unwrap_err();
    assert_eq!(refused.why, Refused::QueueFull);
    let waiting = tokio::time::timeout(
        Duration::from_secs(10),
        futures::future::select_all(&mut deliveries),
    );
    assert!(waiting.await.is_err(), "a record was given up");
    assert_eq!(publisher.flush(Duration::from_millis(100)).await, 10);
    assert!(
        !publisher.healthy(),
        "the publisher does not know that there is no broker"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_when_it_is_closed_is_answered() {
    let unreachable = KafkaSettings {
        brokers: "127.0.0.1:1".into(),
        properties: BTreeMap::new(),
    };
    let publisher = publisher(unreachable);
    let deliveries: Vec<_> = (0..10)
        .map(|number| publisher.send(record("nowhere", 0, number)).unwrap())
        .collect();
    drop(publisher);
    for delivery in deliveries {
        let result = tokio::time::timeout(Duration::from_secs(20), delivery)
            .await
            .unwrap();
        assert!(
            matches!(result, Err(DeliveryError::Unknown(_))),
            "{result:?}"
        );
    }
}
