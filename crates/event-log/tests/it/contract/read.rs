//! Reading by hand.

use super::{ALL, Bed, is_out_of_range, soon, take, value};
use event_log::{Limits, StreamError, consumer::From};
use std::time::{Duration, Instant};

pub async fn tail_wakes(bed: Bed) {
    let topic = bed.topic(1).await;
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 0, From::Earliest)
        .await
        .unwrap();
    // The first round pays for connections.
    for round in 0..20 {
        let waiting = tokio::spawn(async move {
            let records = soon(stream.next(ALL)).await.unwrap();
            (stream, records, Instant::now())
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let before = Instant::now();
        bed.append(&topic, 0, &round.to_string()).await;
        let (back, records, woken) = waiting.await.unwrap();
        assert_eq!(
            records.iter().map(value).collect::<Vec<_>>(),
            [round.to_string()]
        );
        assert!(
            round == 0 || woken - before < Duration::from_millis(1500),
            "woke after {:?}",
            woken - before
        );
        stream = back;
    }
}

pub async fn tail_from_the_end(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 5).await;
    let mut stream = bed.log.reader.tail(&topic, 0, From::End).await.unwrap();
    bed.append(&topic, 0, "new").await;
    let records = take(&mut *stream, 1).await;
    assert_eq!((records[0].offset, value(&records[0])), (5, "new"));
}

pub async fn limits_hold(bed: Bed) {
    let topic = bed.topic(1).await;
    let large = "x".repeat(10_000);
    for _ in 0..10 {
        bed.append(&topic, 0, &large).await;
    }
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 0, From::Earliest)
        .await
        .unwrap();
    let mut offsets = Vec::new();
    while offsets.len() < 4 {
        let records = soon(stream.next(Limits {
            records: 2,
            bytes: 1 << 20,
        }))
        .await
        .unwrap();
        assert!((1..=2).contains(&records.len()));
        offsets.extend(records.iter().map(|record| record.offset));
    }
    while offsets.len() < 10 {
        let records = soon(stream.next(Limits {
            records: 100,
            bytes: 25_000,
        }))
        .await
        .unwrap();
        assert!(
            (1..=2).contains(&records.len()),
            "{} records",
            records.len()
        );
        offsets.extend(records.iter().map(|record| record.offset));
    }
    assert_eq!(offsets, (0..10).collect::<Vec<_>>());
    let mut again = bed
        .log
        .reader
        .tail(&topic, 0, From::Offset(3))
        .await
        .unwrap();
    let records = soon(again.next(Limits {
        records: 5,
        bytes: 1,
    }))
    .await
    .unwrap();
    assert_eq!(
        (records.len(), records[0].offset),
        (1, 3),
        "one record comes whatever its size"
    );
}

pub async fn out_of_range(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 10).await;
    bed.log.admin.delete_before(&topic, 0, 4).await.unwrap();
    for (wanted, inside) in [
        (3, false),
        (4, true),
        (10, true),
        (11, false),
        (1 << 40, false),
    ] {
        let result = bed
            .log
            .reader
            .tail(&topic, 0, From::Offset(wanted))
            .await
            .map(drop);
        assert_eq!(is_out_of_range(&result), !inside, "{wanted}: {result:?}");
        if !inside {
            assert_eq!(
                result,
                Err(StreamError::OutOfRange {
                    wanted,
                    earliest: 4,
                    end: 10
                })
            );
        }
    }
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 0, From::Earliest)
        .await
        .unwrap();
    assert_eq!(take(&mut *stream, 1).await[0].offset, 4);
}

pub async fn read_a_range(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 100).await;
    let read = async |from, until, limits| {
        let records = bed
            .log
            .reader
            .read(&topic, 0, from, until, limits, Duration::from_secs(20))
            .await
            .unwrap();
        records
            .iter()
            .map(|record| record.offset)
            .collect::<Vec<_>>()
    };
    assert_eq!(read(10, 20, ALL).await, (10..20).collect::<Vec<_>>());
    assert_eq!(
        read(90, 200, ALL).await,
        (90..100).collect::<Vec<_>>(),
        "no waiting for what is not there"
    );
    assert_eq!(read(5, 5, ALL).await, Vec::<u64>::new());
    assert_eq!(read(100, 200, ALL).await, Vec::<u64>::new());
    assert_eq!(read(500, 600, ALL).await, Vec::<u64>::new());
    assert_eq!(
        read(
            0,
            100,
            Limits {
                records: 7,
                bytes: 1 << 20
            }
        )
        .await,
        (0..7).collect::<Vec<_>>()
    );
    assert_eq!(
        read(
            0,
            100,
            Limits {
                records: 7,
                bytes: 1
            }
        )
        .await,
        [0]
    );
    bed.log.admin.delete_before(&topic, 0, 50).await.unwrap();
    assert_eq!(
        read(0, 55, ALL).await,
        (50..55).collect::<Vec<_>>(),
        "deleted ones are skipped"
    );
    assert_eq!(read(0, 40, ALL).await, Vec::<u64>::new());
}

pub async fn next_is_cancel_safe(bed: Bed) {
    let topic = bed.topic(1).await;
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 0, From::Earliest)
        .await
        .unwrap();
    let sender = {
        let (log, topic) = (bed.log.clone(), topic.clone());
        tokio::spawn(async move {
            for number in 0..200 {
                log.publisher
                    .send(super::record(&topic, 0, &number.to_string()))
                    .unwrap()
                    .await
                    .unwrap();
            }
        })
    };
    let mut seen = Vec::new();
    soon(async {
        while seen.len() < 200 {
            if let Ok(records) =
                tokio::time::timeout(Duration::from_micros(300), stream.next(ALL)).await
            {
                seen.extend(records.unwrap().iter().map(|record| record.offset));
            }
        }
    })
    .await;
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
    sender.await.unwrap();
}

pub async fn ends_are_known(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 50).await;
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 0, From::Earliest)
        .await
        .unwrap();
    let records = soon(stream.next(Limits {
        records: 10,
        bytes: 1 << 20,
    }))
    .await
    .unwrap();
    assert!(!records.is_empty());
    assert_eq!(stream.end(), 50, "lag is known when records were read");
    let rest = take(&mut *stream, 50 - records.len()).await;
    assert_eq!(rest.last().unwrap().offset, 49);
    bed.fill(&topic, 0, 3).await;
    take(&mut *stream, 3).await;
    assert_eq!(stream.end(), 53);
}

pub async fn deleted_under_a_stream(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 30).await;
    let mut ahead = bed
        .log
        .reader
        .tail(&topic, 0, From::Offset(25))
        .await
        .unwrap();
    bed.log.admin.delete_before(&topic, 0, 20).await.unwrap();
    assert_eq!(
        take(&mut *ahead, 5).await[0].offset,
        25,
        "who stands behind it does not notice"
    );
    bed.append(&topic, 0, "next").await;
    assert_eq!(take(&mut *ahead, 1).await[0].offset, 30);
}

pub async fn two_streams_on_one_partition(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 10).await;
    let mut streams = Vec::new();
    for from in [0, 5, 10] {
        streams.push((
            from,
            bed.log
                .reader
                .tail(&topic, 0, From::Offset(from))
                .await
                .unwrap(),
        ));
    }
    bed.append(&topic, 0, "last").await;
    for (from, stream) in &mut streams {
        let count = usize::try_from(11 - *from).unwrap();
        let offsets: Vec<_> = take(&mut **stream, count)
            .await
            .iter()
            .map(|record| record.offset)
            .collect();
        assert_eq!(offsets, (*from..11).collect::<Vec<_>>());
    }
    // And many short ones, one after the other, each from where it wants.
    for round in 0..40_u64 {
        let from = (round * 7) % 11;
        let mut stream = bed
            .log
            .reader
            .tail(&topic, 0, From::Offset(from))
            .await
            .unwrap();
        assert_eq!(take(&mut *stream, 1).await[0].offset, from);
    }
}
