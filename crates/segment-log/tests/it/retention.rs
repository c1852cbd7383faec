//! Retention: whole segments go, what is kept is told.

use crate::{append, open_with, read_all, segments};
use segment_log::{Bounds, Options, RetentionError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

fn small() -> Options {
    Options {
        segment_bytes: 500,
        ..Options::default()
    }
}

#[test]
fn whole_segments_go_and_the_earliest_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_with(folder.path(), small());
    for _ in 0..100 {
        append(&log, &[0; 100]).unwrap();
    }
    let before = segments(folder.path()).len();
    log.delete_before(50).unwrap();
    assert_eq!(
        log.bounds(),
        Bounds {
            earliest: 50,
            end: 100
        }
    );
    assert!(segments(folder.path()).len() < before / 2 + 2);
    assert_eq!(read_all(&log)[0].offset, 50);
    log.delete_before(20).unwrap();
    assert_eq!(log.bounds().earliest, 50, "never back");
    drop(log);
    let log = open_with(folder.path(), small());
    assert_eq!(
        log.bounds(),
        Bounds {
            earliest: 50,
            end: 100
        }
    );
    assert!(matches!(
        log.delete_before(101),
        Err(RetentionError::BeyondEnd {
            wanted: 101,
            end: 100
        })
    ));
    log.delete_before(100).unwrap();
    drop(log);
    let log = open_with(folder.path(), small());
    assert_eq!(
        log.bounds(),
        Bounds {
            earliest: 100,
            end: 100
        }
    );
    assert_eq!(
        append(&log, b"next").unwrap().offset,
        100,
        "offsets are never used twice"
    );
}

#[test]
fn old_segments_go_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicI64::new(0));
    let shown = time.clone();
    let clock: segment_log::Clock = Arc::new(move || shown.load(Ordering::Relaxed));
    let options = Options {
        clock,
        segment_age: Some(Duration::from_millis(100)),
        ..Options::default()
    };
    let log = open_with(folder.path(), options);
    for now in (0..1000).step_by(10) {
        time.store(now, Ordering::Relaxed);
        append(&log, b"x").unwrap();
    }
    assert!(segments(folder.path()).len() >= 8, "sealed by age");
    log.delete_older(500).unwrap();
    let entries = read_all(&log);
    assert!(entries[0].timestamp > 250, "what is much older is gone");
    assert!(
        entries
            .iter()
            .any(|entry| entry.timestamp <= 500 || entry.offset <= 50),
        "what is not old is kept"
    );
    assert_eq!(entries.last().unwrap().offset, 99);
    log.delete_older(i64::MAX).unwrap();
    assert_eq!(
        read_all(&log).last().unwrap().offset,
        99,
        "the active segment stays"
    );
}

#[test]
fn leftovers_of_a_crash_while_deleting_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_with(folder.path(), small());
    for _ in 0..30 {
        append(&log, &[0; 100]).unwrap();
    }
    let copies: Vec<_> = segments(folder.path())
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    log.delete_before(20).unwrap();
    drop(log);
    let kept = segments(folder.path()).len();
    for (path, bytes) in copies {
        if !path.exists() {
            std::fs::write(path, bytes).unwrap();
        }
    }
    std::fs::write(folder.path().join("earliest.tmp"), b"half").unwrap();
    let log = open_with(folder.path(), small());
    assert_eq!(log.bounds().earliest, 20);
    assert_eq!(segments(folder.path()).len(), kept);
    assert!(!folder.path().join("earliest.tmp").exists());
}
