//! Groups: who owns what, and what becomes of streams when that changes.

use super::{ALL, Bed, Told, is_out_of_range, settle, soon, take, value};
use event_log::{Committed, ConsumerError, ConsumerEvent, StreamError};
use std::{collections::BTreeSet, time::Duration};

pub async fn one_member_gets_all(bed: Bed) {
    let topic = bed.topic(4).await;
    bed.append(&topic, 2, "hello").await;
    let mut member = Told::join(&bed.log, "one", &topic).await;
    member.until(4).await;
    let mut stream = member.consumer.open(2, 0).await.unwrap();
    let records = take(&mut *stream, 1).await;
    assert_eq!(
        (records[0].partition, records[0].offset, value(&records[0])),
        (2, 0, "hello")
    );
}

pub async fn two_members_share_and_hand_over(bed: Bed) {
    let topic = bed.topic(6).await;
    let mut first = Told::join(&bed.log, "share", &topic).await;
    first.until(6).await;
    let mut second = Told::join(&bed.log, "share", &topic).await;
    settle(&mut [(&mut first, 3), (&mut second, 3)]).await;
    assert_eq!(
        first
            .owned
            .union(&second.owned)
            .copied()
            .collect::<BTreeSet<_>>(),
        (0..6).collect()
    );
    let moved: usize = first
        .events
        .iter()
        .map(|event| {
            if let ConsumerEvent::Revoked(gone) = event {
                gone.len()
            } else {
                0
            }
        })
        .sum();
    assert_eq!(moved, 3, "only what must move moves: {:?}", first.events);
    // The new owner reads what the old one's successor must see.
    let partition = *second.owned.first().unwrap();
    let mut stream = second.consumer.open(partition, 0).await.unwrap();
    bed.append(&topic, partition, "for the second").await;
    assert_eq!(value(&take(&mut *stream, 1).await[0]), "for the second");
    assert_eq!(
        first.consumer.open(partition, 0).await.err(),
        Some(StreamError::Revoked)
    );
}

pub async fn leaving_is_noticed(bed: Bed) {
    let topic = bed.topic(4).await;
    let mut first = Told::join(&bed.log, "leave", &topic).await;
    first.until(4).await;
    let mut second = Told::join(&bed.log, "leave", &topic).await;
    settle(&mut [(&mut first, 2), (&mut second, 2)]).await;
    let before = std::time::Instant::now();
    soon(second.consumer.leave()).await;
    first.until(4).await;
    assert!(
        before.elapsed() < Duration::from_secs(8),
        "not by waiting for a time-out: {:?}",
        before.elapsed()
    );
}

pub async fn revoked_streams_end(bed: Bed) {
    let topic = bed.topic(2).await;
    let mut first = Told::join(&bed.log, "revoked", &topic).await;
    first.until(2).await;
    let mut streams = Vec::new();
    for partition in 0..2 {
        let mut stream = first.consumer.open(partition, 0).await.unwrap();
        streams.push((
            partition,
            tokio::spawn(async move { stream.next(ALL).await }),
        ));
    }
    let mut second = Told::join(&bed.log, "revoked", &topic).await;
    settle(&mut [(&mut first, 1), (&mut second, 1)]).await;
    for (partition, waiting) in streams {
        if second.owned.contains(&partition) {
            assert_eq!(
                soon(waiting).await.unwrap().err(),
                Some(StreamError::Revoked)
            );
        } else {
            assert!(!waiting.is_finished(), "the other one goes on");
            bed.append(&topic, partition, "still ours").await;
            assert_eq!(soon(waiting).await.unwrap().unwrap().len(), 1);
        }
    }
}

pub async fn stays_while_others_come(bed: Bed) {
    let topic = bed.topic(2).await;
    let mut first = Told::join(&bed.log, "stays", &topic).await;
    first.until(2).await;
    let mut second = Told::join(&bed.log, "stays", &topic).await;
    settle(&mut [(&mut first, 1), (&mut second, 1)]).await;
    let partition = *first.owned.first().unwrap();
    let mut stream = first.consumer.open(partition, 0).await.unwrap();
    // A third member gets nothing: two partitions, three members. Nobody else is disturbed.
    let mut third = Told::join(&bed.log, "stays", &topic).await;
    for number in 0..20 {
        bed.append(&topic, partition, &number.to_string()).await;
        let quiet = Duration::from_millis(100);
        let _ = tokio::time::timeout(quiet, third.hear()).await;
        let _ = tokio::time::timeout(quiet, first.hear()).await;
        let _ = tokio::time::timeout(quiet, second.hear()).await;
    }
    assert_eq!(take(&mut *stream, 20).await.len(), 20);
    assert_eq!(
        (first.owned.len(), second.owned.len(), third.owned.len()),
        (1, 1, 0)
    );
}

pub async fn commits_are_kept(mut bed: Bed) {
    let topic = bed.topic(2).await;
    bed.fill(&topic, 0, 10).await;
    let mut member = Told::join(&bed.log, "commits", &topic).await;
    member.until(2).await;
    assert_eq!(member.consumer.committed(0).await.unwrap(), None);
    member.consumer.commit(0, 3, "changes=17");
    member.consumer.commit(0, 7, "changes=21");
    let hint = Some(Committed {
        offset: 7,
        metadata: "changes=21".into(),
    });
    soon(async {
        while member.consumer.committed(0).await.unwrap() != hint {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(
        bed.log
            .groups
            .committed("commits", &topic, 0)
            .await
            .unwrap(),
        hint
    );
    assert_eq!(
        bed.log
            .groups
            .committed("commits", &topic, 1)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        bed.log.groups.committed("nobody", &topic, 0).await.unwrap(),
        None
    );
    member.consumer.leave().await;
    bed.restart();
    assert_eq!(
        bed.log
            .groups
            .committed("commits", &topic, 0)
            .await
            .unwrap(),
        hint
    );
    let mut member = Told::join(&bed.log, "commits", &topic).await;
    member.until(2).await;
    assert_eq!(member.consumer.committed(0).await.unwrap(), hint);
}

pub async fn a_stream_opens_where_it_is_told_to(bed: Bed) {
    let topic = bed.topic(3).await;
    for partition in 0..3 {
        bed.fill(&topic, partition, 100).await;
    }
    let mut member = Told::join(&bed.log, "open", &topic).await;
    member.until(3).await;
    // Nothing of a partition is handed out or thrown away before it is opened, however long that
    // takes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for (partition, offset) in [(2_u16, 40_u64), (0, 0), (1, 99)] {
        let mut stream = member.consumer.open(partition, offset).await.unwrap();
        let records = take(&mut *stream, usize::try_from(100 - offset).unwrap()).await;
        assert_eq!(
            records
                .iter()
                .map(|record| record.offset)
                .collect::<Vec<_>>(),
            (offset..100).collect::<Vec<_>>()
        );
        assert!(records.iter().all(|record| record.partition == partition));
    }
    assert!(is_out_of_range(
        &member.consumer.open(0, 101).await.map(drop)
    ));
    let mut stream = member.consumer.open(0, 100).await.unwrap();
    bed.append(&topic, 0, "at the end").await;
    assert_eq!(value(&take(&mut *stream, 1).await[0]), "at the end");
}

pub async fn a_partition_is_opened_again(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 20).await;
    let mut member = Told::join(&bed.log, "again", &topic).await;
    member.until(1).await;
    for offset in [5, 15, 0, 19] {
        let mut stream = member.consumer.open(0, offset).await.unwrap();
        assert_eq!(take(&mut *stream, 1).await[0].offset, offset);
    }
}

pub async fn no_such_topic(bed: Bed) {
    let known = bed.topic(1).await;
    let missing = format!("{known}.missing");
    let result = match bed.log.groups.join("none", &missing).await {
        Ok(mut consumer) => soon(consumer.next()).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(
        matches!(
            result,
            Err(ConsumerError::Fatal(_) | ConsumerError::Unavailable(_))
        ),
        "{result:?}"
    );
    assert!(
        bed.log
            .reader
            .tail(&missing, 0, event_log::consumer::From::Earliest)
            .await
            .is_err()
    );
}

pub async fn dropping_is_leaving(bed: Bed) {
    let topic = bed.topic(2).await;
    let mut first = Told::join(&bed.log, "drop", &topic).await;
    first.until(2).await;
    let mut second = Told::join(&bed.log, "drop", &topic).await;
    settle(&mut [(&mut first, 1), (&mut second, 1)]).await;
    let partition = *second.owned.first().unwrap();
    let mut stream = second.consumer.open(partition, 0).await.unwrap();
    drop(second);
    first.until(2).await;
    assert_eq!(
        soon(stream.next(ALL)).await.err(),
        Some(StreamError::Revoked)
    );
}

/// The heart of it: records are appended all the time, members come and go, every owner sees its
/// partition without a gap.
pub async fn nothing_is_missed_when_a_partition_moves(bed: Bed) {
    let topic = bed.topic(4).await;
    let sending = {
        let (log, topic) = (bed.log.clone(), topic.clone());
        tokio::spawn(async move {
            for number in 0..1200_u32 {
                let partition = u16::try_from(number % 4).unwrap();
                log.publisher
                    .send(super::record(&topic, partition, &number.to_string()))
                    .unwrap()
                    .await
                    .unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    let (seen, mut heard) = tokio::sync::mpsc::channel(10_000);
    let members: Vec<_> = (0..3_u64)
        .map(|number| {
            let (log, topic, seen) = (bed.log.clone(), topic.clone(), seen.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(600 * number)).await;
                work(&log, &topic, seen, number == 1).await;
            })
        })
        .collect();
    drop(seen);
    let mut offsets = vec![BTreeSet::new(); 4];
    soon(async {
        while offsets
            .iter()
            .any(|offsets: &BTreeSet<u64>| offsets.len() < 300)
        {
            let (partition, offset) = heard.recv().await.unwrap();
            offsets[usize::from(partition)].insert(offset);
        }
    })
    .await;
    sending.await.unwrap();
    members.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(
        offsets
            .iter()
            .all(|offsets| offsets.iter().copied().eq(0..300))
    );
}

/// Consumes what it owns, checking that each partition comes without a gap from where it was
/// opened; leaves in the middle if told to.
async fn work(
    log: &event_log::Log,
    topic: &str,
    seen: tokio::sync::mpsc::Sender<(u16, u64)>,
    leaves: bool,
) {
    let mut consumer = log.groups.join("moves", topic).await.unwrap();
    let mut readers = tokio::task::JoinSet::new();
    let until = tokio::time::Instant::now()
        + if leaves {
            Duration::from_millis(2500)
        } else {
            super::PATIENCE
        };
    while let Ok(event) = tokio::time::timeout_at(until, consumer.next()).await {
        let ConsumerEvent::Assigned(partitions) = event.unwrap() else {
            continue;
        };
        for partition in partitions {
            let from = consumer
                .committed(partition)
                .await
                .unwrap()
                .map_or(0, |committed| committed.offset);
            let mut stream = match consumer.open(partition, from).await {
                Ok(stream) => stream,
                Err(StreamError::Revoked) => continue,
                Err(error) => panic!("{error}"),
            };
            let seen = seen.clone();
            readers.spawn(async move {
                let mut next = from;
                while let Ok(records) = stream.next(ALL).await {
                    for record in records {
                        assert_eq!(record.offset, next, "partition {partition}");
                        next += 1;
                        let _ = seen.send((partition, record.offset)).await;
                    }
                }
            });
        }
    }
    consumer.leave().await;
}
