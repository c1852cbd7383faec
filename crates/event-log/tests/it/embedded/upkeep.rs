//! What goes by itself: old records, and old values of a key.

use crate::contract::{ALL, spec};
use event_log::{
    CleanupPolicy, NewRecord, TopicSpec,
    consumer::From,
    embedded::{self, Options},
};
use std::{collections::BTreeMap, time::Duration};

fn options() -> Options {
    Options {
        retention_interval: Duration::from_millis(50),
        commit_interval: Duration::from_millis(20),
        ..Options::default()
    }
}

#[tokio::test]
async fn old_records_go() {
    let folder = tempfile::tempdir().unwrap();
    let (log, handle) = embedded::open_log(folder.path(), options()).unwrap();
    let spec = TopicSpec {
        cleanup: CleanupPolicy::Age(300),
        durable: false,
        ..spec(1)
    };
    log.admin.create(std::slice::from_ref(&spec)).await.unwrap();
    for number in 0..100 {
        log.publisher
            .send(crate::contract::record(&spec.name, 0, &number.to_string()))
            .unwrap()
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let offsets = log.admin.offsets(&spec.name, 0).await.unwrap();
    assert!(
        offsets.earliest > 20 && offsets.earliest < 95 && offsets.end == 100,
        "{offsets:?}"
    );
    handle.shutdown().await;
}

#[tokio::test]
async fn the_newest_value_of_each_key_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (log, handle) = embedded::open_log(folder.path(), options()).unwrap();
    let spec = TopicSpec {
        cleanup: CleanupPolicy::Compact,
        ..spec(1)
    };
    log.admin.create(std::slice::from_ref(&spec)).await.unwrap();
    let send = |number: u32| NewRecord {
        topic: spec.name.as_str().into(),
        partition: 0,
        key: Some((number % 5).to_string().into()),
        value: Some(format!("{number:050000}").into()),
        headers: Vec::new(),
    };
    for number in 0..400 {
        log.publisher.send(send(number)).unwrap().await.unwrap();
    }
    let mut kept = 400;
    for _ in 0..200 {
        kept = log
            .reader
            .read(&spec.name, 0, 0, u64::MAX, ALL, Duration::ZERO)
            .await
            .unwrap()
            .len();
        if kept < 240 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(kept < 240, "{kept} records are kept");
    let mut stream = log
        .reader
        .tail(&spec.name, 0, From::Earliest)
        .await
        .unwrap();
    let mut table = BTreeMap::new();
    while table.get("4").is_none_or(|last| *last != 399) {
        for record in stream.next(ALL).await.unwrap() {
            let value: u32 = std::str::from_utf8(&record.value.unwrap())
                .unwrap()
                .parse()
                .unwrap();
            table.insert(
                String::from_utf8(record.key.unwrap().to_vec()).unwrap(),
                value,
            );
        }
    }
    assert_eq!(
        table.into_values().collect::<Vec<_>>(),
        [395, 396, 397, 398, 399]
    );
    handle.shutdown().await;
}

#[tokio::test]
async fn a_closed_log_says_so() {
    use event_log::{ConsumerError, Refused, StreamError};
    let folder = tempfile::tempdir().unwrap();
    let (log, handle) = embedded::open_log(folder.path(), options()).unwrap();
    let spec = spec(1);
    log.admin.create(std::slice::from_ref(&spec)).await.unwrap();
    let mut stream = log.reader.tail(&spec.name, 0, From::End).await.unwrap();
    let mut member = log.groups.join("closed", &spec.name).await.unwrap();
    member.next().await.unwrap();
    let delivery = log
        .publisher
        .send(crate::contract::record(&spec.name, 0, "queued"))
        .unwrap();
    handle.shutdown().await;
    assert_eq!(
        delivery.await.unwrap().offset,
        0,
        "what was queued is committed"
    );
    assert_eq!(stream.next(ALL).await.unwrap().len(), 1);
    assert!(matches!(
        stream.next(ALL).await,
        Err(StreamError::Unavailable(_))
    ));
    assert!(matches!(member.next().await, Err(ConsumerError::Fatal(_))));
    assert_eq!(
        log.publisher
            .send(crate::contract::record(&spec.name, 0, "late"))
            .unwrap_err()
            .why,
        Refused::Closed
    );
    assert!(!log.publisher.healthy());
    assert!(
        embedded::open_log(folder.path(), options()).is_ok(),
        "another may open it"
    );
}
