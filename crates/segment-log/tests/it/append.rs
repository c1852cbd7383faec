//! Appending: what is acknowledged, refused, and kept in order.

use crate::{append, open, open_with, read_all, values};
use segment_log::{Bounds, LockError, OpenError, Options, Refused, SegmentLog};
use std::sync::{
    Arc, Barrier,
    atomic::{AtomicU64, AtomicUsize, Ordering},
    mpsc::sync_channel,
};

#[test]
fn offsets_follow_the_order_of_the_calls() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let (sender, receiver) = sync_channel(10_000);
    for number in 0..5000_u64 {
        let sender = sender.clone();
        let done = Box::new(move |result: Result<segment_log::Appended, _>| {
            sender.send((number, result.unwrap())).unwrap()
        });
        log.append(
            8,
            |buffer| buffer.extend_from_slice(&number.to_le_bytes()),
            done,
        )
        .unwrap();
    }
    for _ in 0..5000 {
        let (number, appended) = receiver.recv().unwrap();
        assert_eq!(number, appended.offset);
    }
    let entries = read_all(&log);
    assert!(
        entries
            .iter()
            .all(|entry| entry.record == entry.offset.to_le_bytes().as_slice())
    );
    assert!(entries.is_sorted_by_key(|entry| entry.timestamp));
    assert_eq!(entries.len(), 5000);
}

#[test]
fn many_threads_share_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = commits.clone();
    let observer: segment_log::Observer = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let log = Arc::new(open_with(
        folder.path(),
        Options {
            observer: Some(observer),
            ..Options::default()
        },
    ));
    let barrier = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (log, barrier) = (log.clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                for _ in 0..50 {
                    append(&log, b"x").unwrap();
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(
        log.bounds(),
        Bounds {
            earliest: 0,
            end: 800
        }
    );
    assert!(
        commits.load(Ordering::Relaxed) < 800,
        "no two records ever shared a sync"
    );
}

#[test]
fn what_is_acknowledged_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let observed = seen.clone();
    let observer: segment_log::Observer =
        Arc::new(move |bounds: Bounds| observed.store(bounds.end, Ordering::Release));
    let log = open_with(
        folder.path(),
        Options {
            observer: Some(observer),
            ..Options::default()
        },
    );
    for number in 0..50 {
        let appended = append(&log, b"x").unwrap();
        assert_eq!(appended.offset, number);
        assert_eq!(log.bounds().end, number + 1);
        assert_eq!(
            seen.load(Ordering::Acquire),
            number + 1,
            "whoever follows is told before whoever appended"
        );
    }
}

#[test]
fn restart_keeps_all_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let small = || Options {
        segment_bytes: 200,
        ..Options::default()
    };
    let mut expected = Vec::new();
    for round in 0..5_u8 {
        let log = open_with(folder.path(), small());
        for number in 0..20_u8 {
            let record = vec![round; usize::from(number)];
            let offset = append(&log, &record).unwrap().offset;
            expected.push((offset, record));
        }
        assert_eq!(values(&read_all(&log)), expected);
    }
    assert!(crate::segments(folder.path()).len() > 10);
}

#[test]
fn closing_commits_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let (sender, receiver) = sync_channel(1000);
    for _ in 0..1000 {
        let sender = sender.clone();
        log.append(
            1,
            |buffer| buffer.push(7),
            Box::new(move |result| sender.send(result).unwrap()),
        )
        .unwrap();
    }
    log.close().unwrap();
    assert_eq!(receiver.try_iter().filter(Result::is_ok).count(), 1000);
    assert_eq!(
        log.append(1, |buffer| buffer.push(7), Box::new(|_| {})),
        Err(Refused::Closed)
    );
    assert_eq!(
        open(folder.path()).bounds().end,
        1000,
        "and lets go of the folder"
    );
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let second = SegmentLog::open(folder.path(), Options::default());
    let error = second.err().unwrap();
    assert!(matches!(error, OpenError::Lock(LockError::Held(_))));
    assert!(
        error.to_string().contains("in use by another process"),
        "{error}"
    );
    drop(log);
    open(folder.path());
}

#[test]
fn limits_hold() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_with(
        folder.path(),
        Options {
            record_limit: 10,
            queue_records: 3,
            queue_bytes: 100_000,
            ..Options::default()
        },
    );
    assert_eq!(
        log.append(11, |_| panic!("not even tried"), Box::new(|_| {})),
        Err(Refused::TooLarge)
    );
    assert_eq!(
        log.append(
            1,
            |buffer| buffer.extend_from_slice(&[0; 11]),
            Box::new(|_| {})
        ),
        Err(Refused::TooLarge)
    );
    assert_eq!(
        append(&log, &[1; 10]).unwrap().offset,
        0,
        "what was refused left nothing in the queue"
    );
    let mut full = false;
    // The committer takes them away all the time; sooner or later it is slower.
    for _ in 0..100_000 {
        match log.append(1, |buffer| buffer.push(1), Box::new(|_| {})) {
            Ok(()) => {}
            Err(refused) => {
                assert_eq!(refused, Refused::QueueFull);
                full = true;
                break;
            }
        }
    }
    assert!(full);
}

#[test]
fn a_record_larger_than_the_queue_fits_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_with(
        folder.path(),
        Options {
            queue_bytes: 100,
            ..Options::default()
        },
    );
    let large = vec![3; 1 << 20];
    assert_eq!(append(&log, &large).unwrap().offset, 0);
    assert_eq!(read_all(&log)[0].record, large);
}

#[test]
fn empty_records_are_records() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    append(&log, b"").unwrap();
    append(&log, b"").unwrap();
    drop(log);
    assert_eq!(
        values(&read_all(&open(folder.path()))),
        [(0, Vec::new()), (1, Vec::new())]
    );
}

#[test]
fn a_clock_that_goes_back_does_not_take_time_back() {
    let folder = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(5000));
    let shown = time.clone();
    let clock: segment_log::Clock =
        Arc::new(move || i64::try_from(shown.load(Ordering::Relaxed)).unwrap());
    let options = || Options {
        clock: clock.clone(),
        ..Options::default()
    };
    let log = open_with(folder.path(), options());
    assert_eq!(append(&log, b"x").unwrap().timestamp, 5000);
    time.store(10, Ordering::Relaxed);
    assert_eq!(append(&log, b"x").unwrap().timestamp, 5000);
    drop(log);
    let log = open_with(folder.path(), options());
    assert_eq!(
        append(&log, b"x").unwrap().timestamp,
        5000,
        "not even over a restart"
    );
}
