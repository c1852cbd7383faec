//! Appending: order, acknowledgement, limits.

use super::{ALL, Bed, RECORD_LIMIT, record, take, value};
use bytes::Bytes;
use event_log::{DeliveryError, Headers, NewRecord, Refused, consumer::From};
use std::time::Duration;

pub async fn order_per_partition(bed: Bed) {
    let topic = bed.topic(3).await;
    let mut sent = Vec::new();
    for number in 0..3000_u32 {
        let partition = u16::try_from(number % 3).unwrap();
        sent.push((partition, bed.send(&topic, partition, &number.to_string())));
    }
    let mut last = [None; 3];
    for (partition, delivery) in sent {
        let appended = delivery.await.unwrap();
        assert_eq!(appended.partition, partition);
        let next = last[usize::from(partition)].map_or(0, |offset: u64| offset + 1);
        assert_eq!(appended.offset, next, "partition {partition}");
        last[usize::from(partition)] = Some(appended.offset);
    }
    for partition in 0..3 {
        let mut stream = bed
            .log
            .reader
            .tail(&topic, partition, From::Earliest)
            .await
            .unwrap();
        let values: Vec<u32> = take(&mut *stream, 1000)
            .await
            .iter()
            .map(|record| value(record).parse().unwrap())
            .collect();
        assert_eq!(
            values,
            (0..1000)
                .map(|number| number * 3 + u32::from(partition))
                .collect::<Vec<_>>()
        );
    }
}

pub async fn batches_are_acknowledged(bed: Bed) {
    let topic = bed.topic(1).await;
    let deliveries: Vec<_> = (0..500)
        .map(|number| bed.send(&topic, 0, &number.to_string()))
        .collect();
    let appended = futures::future::join_all(deliveries).await;
    let offsets: Vec<_> = appended
        .iter()
        .map(|result| result.as_ref().unwrap().offset)
        .collect();
    assert_eq!(offsets, (0..500).collect::<Vec<_>>());
    assert!(
        appended
            .iter()
            .all(|result| result.as_ref().unwrap().timestamp > 1_600_000_000_000)
    );
}

pub async fn flush_waits(bed: Bed) {
    let topic = bed.topic(2).await;
    let deliveries: Vec<_> = (0..200_u16)
        .map(|number| bed.send(&topic, number % 2, "x"))
        .collect();
    assert_eq!(bed.log.publisher.flush(Duration::from_secs(30)).await, 0);
    for delivery in deliveries {
        // Without the yield of tokio's budget every one of them is ready.
        let now = tokio::task::unconstrained(delivery);
        assert!(
            futures::FutureExt::now_or_never(now)
                .expect("resolved by now")
                .is_ok()
        );
    }
    assert!(bed.log.publisher.healthy());
}

pub async fn records_come_back_as_they_were(bed: Bed) {
    let topic = bed.topic(1).await;
    let headers: Headers = vec![
        ("ce_id".into(), Bytes::from_static(b"1")),
        ("empty".into(), Bytes::new()),
        ("ce_id".into(), Bytes::from_static(b"again")),
        ("binary".into(), Bytes::from_static(&[0, 255, 10])),
    ];
    let bytes = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    let given = [
        (bytes("key"), bytes("value"), headers),
        (None, None, Vec::new()),
        (
            bytes("tombstone"),
            None,
            vec![("a".into(), Bytes::from_static(b"b"))],
        ),
        (Some(Bytes::new()), Some(Bytes::new()), Vec::new()),
        (None, bytes("{}"), Vec::new()),
    ];
    for (key, value, headers) in given.clone() {
        let record = NewRecord {
            topic: topic.as_str().into(),
            partition: 0,
            key,
            value,
            headers,
        };
        bed.log.publisher.send(record).unwrap().await.unwrap();
    }
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 0, From::Earliest)
        .await
        .unwrap();
    for (offset, (record, (key, value, headers))) in
        (0..).zip(take(&mut *stream, given.len()).await.into_iter().zip(given))
    {
        assert_eq!((record.partition, record.offset), (0, offset));
        assert_eq!(
            (record.key, record.value, record.headers),
            (key, value, headers),
            "record {offset}"
        );
    }
}

pub async fn too_large(bed: Bed) {
    let topic = bed.topic(1).await;
    let large = "x".repeat(RECORD_LIMIT + 1);
    let refused = bed
        .log
        .publisher
        .send(record(&topic, 0, &large))
        .unwrap_err();
    assert_eq!(refused.why, Refused::TooLarge);
    assert_eq!(
        refused.record.value.unwrap().len(),
        large.len(),
        "the record comes back"
    );
    let fits = "x".repeat(RECORD_LIMIT - 100);
    assert_eq!(bed.append(&topic, 0, &fits).await.offset, 0);
    let records = bed
        .log
        .reader
        .read(&topic, 0, 0, 1, ALL, super::PATIENCE)
        .await
        .unwrap();
    assert_eq!(value(&records[0]).len(), fits.len());
}

pub async fn unknown_partition(bed: Bed) {
    let topic = bed.topic(2).await;
    bed.append(&topic, 1, "known").await;
    match bed.log.publisher.send(record(&topic, 2, "unknown")) {
        Err(refused) => assert_eq!(refused.why, Refused::UnknownPartition),
        Ok(delivery) => assert!(matches!(delivery.await, Err(DeliveryError::Rejected(_)))),
    }
    assert_eq!(bed.append(&topic, 1, "goes on").await.offset, 1);
}

pub async fn dropped_deliveries_are_appended(bed: Bed) {
    let topic = bed.topic(1).await;
    for number in 0..10 {
        drop(bed.send(&topic, 0, &number.to_string()));
    }
    assert_eq!(bed.append(&topic, 0, "last").await.offset, 10);
}

/// On a bed whose queue takes ten records.
pub async fn queue_full(bed: Bed) {
    let topic = bed.topic(1).await;
    let mut accepted = Vec::new();
    let refused = loop {
        assert!(accepted.len() < 1_000_000, "the queue has no bound");
        match bed.log.publisher.send(record(&topic, 0, "x")) {
            Ok(delivery) => accepted.push(delivery),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.why, Refused::QueueFull);
    assert!(accepted.len() >= 10);
    let count = accepted.len() as u64;
    for (expected, delivery) in (0..).zip(accepted) {
        assert_eq!(delivery.await.unwrap().offset, expected);
    }
    // The record came back and can be sent again.
    assert_eq!(
        bed.log
            .publisher
            .send(*refused.record)
            .unwrap()
            .await
            .unwrap()
            .offset,
        count
    );
}
