//! Compaction: the newest of each key stays.

use crate::{append, open_with, read_all, segments, values};
use segment_log::{Entry, Kept, Options, SegmentLog};
use std::{collections::BTreeMap, path::Path};

fn small() -> Options {
    Options {
        segment_bytes: 300,
        ..Options::default()
    }
}

/// `key=value`; no value is a tombstone, no `=` is kept for ever.
fn kept(entry: &Entry) -> Kept {
    let text = std::str::from_utf8(&entry.record).unwrap();
    match text.split_once('=') {
        None => Kept::Always,
        Some((key, "")) => Kept::Tombstone(key.into()),
        Some((key, _)) => Kept::Newest(key.into()),
    }
}

fn fill(folder: &Path) -> (SegmentLog, BTreeMap<String, String>) {
    let log = open_with(folder, small());
    let mut newest = BTreeMap::new();
    for number in 0..200 {
        let (key, value) = (format!("k{}", number % 7), format!("v{number}"));
        append(&log, format!("{key}={value}").as_bytes()).unwrap();
        newest.insert(key, value);
    }
    (log, newest)
}

fn table(log: &SegmentLog) -> BTreeMap<String, String> {
    let mut table = BTreeMap::new();
    for entry in read_all(log) {
        if let Some((key, value)) = std::str::from_utf8(&entry.record).unwrap().split_once('=') {
            table.insert(key.to_owned(), value.to_owned());
        }
    }
    table.retain(|_, value| !value.is_empty());
    table
}

#[test]
fn the_newest_of_each_key_stays_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (log, newest) = fill(folder.path());
    let all: BTreeMap<u64, Vec<u8>> = values(&read_all(&log)).into_iter().collect();
    let done = log.compact(kept).unwrap();
    assert!(done.after < 10 && done.before > 150, "{done:?}");
    assert_eq!(table(&log), newest);
    assert_eq!(segments(folder.path()).len(), 2);
    assert!(
        read_all(&log)
            .iter()
            .all(|entry| all[&entry.offset] == entry.record),
        "offsets and bytes are as they were"
    );
    drop(log);
    let log = open_with(folder.path(), small());
    assert_eq!(table(&log), newest);
    assert_eq!(append(&log, b"k0=new").unwrap().offset, 200);
}

#[test]
fn again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mut newest) = fill(folder.path());
    append(&log, b"kept for ever").unwrap();
    for round in 0..5 {
        for number in 0..30 {
            let (key, value) = (format!("k{}", number % 9), format!("r{round}n{number}"));
            append(&log, format!("{key}={value}").as_bytes()).unwrap();
            newest.insert(key, value);
        }
        log.compact(kept).unwrap();
        assert_eq!(table(&log), newest);
        assert!(
            read_all(&log)
                .iter()
                .any(|entry| entry.record == b"kept for ever".as_slice())
        );
    }
}

#[test]
fn tombstones_hide_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mut newest) = fill(folder.path());
    append(&log, b"k3=").unwrap();
    newest.remove("k3");
    log.compact(kept).unwrap();
    assert_eq!(
        table(&log),
        newest,
        "still in the active segment: it hides what is older"
    );
    for _ in 0..30 {
        append(&log, b"other=x").unwrap();
    }
    newest.insert("other".into(), "x".into());
    log.compact(kept).unwrap();
    assert_eq!(table(&log), newest);
    assert!(
        !read_all(&log)
            .iter()
            .any(|entry| entry.record == b"k3=".as_slice())
    );
}

#[test]
fn reading_from_a_gap_goes_on_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = fill(folder.path());
    log.compact(kept).unwrap();
    let offsets: Vec<u64> = read_all(&log).iter().map(|entry| entry.offset).collect();
    for from in 0..200 {
        let mut cursor = segment_log::Cursor::new(from);
        let entries = log.read(&mut cursor, u64::MAX, 1, 1).unwrap();
        assert_eq!(
            entries.first().map(|entry| entry.offset),
            offsets.iter().copied().find(|offset| *offset >= from)
        );
    }
}

#[test]
fn a_crash_before_the_old_ones_are_deleted_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (log, newest) = fill(folder.path());
    let old: Vec<_> = segments(folder.path())
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    log.compact(kept).unwrap();
    drop(log);
    for (path, bytes) in &old {
        if !path.exists() {
            std::fs::write(path, bytes).unwrap();
        }
    }
    let log = open_with(folder.path(), small());
    assert_eq!(table(&log), newest);
    assert_eq!(segments(folder.path()).len(), 2);
    drop(log);
    // And one before the new one is in place.
    for path in segments(folder.path()) {
        std::fs::remove_file(path).unwrap();
    }
    for (path, bytes) in &old {
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(folder.path().join("compacted.tmp"), b"half").unwrap();
    let log = open_with(folder.path(), small());
    assert_eq!(table(&log), newest);
    assert_eq!(read_all(&log).len(), 200);
}
