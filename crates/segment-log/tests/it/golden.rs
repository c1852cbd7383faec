//! Files written once must be read for ever. `SEGMENT_LOG_BLESS=1` writes them anew: only for a new
//! version, beside the old.

use crate::{append, open_with, read_all, segments, values};
use segment_log::{Bounds, Journal, JournalOptions, Kept, Options, SegmentLog};
use std::{fs, path::Path, sync::Arc};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/v1");

fn options() -> Options {
    Options {
        segment_bytes: 250,
        clock: Arc::new(|| 1_700_000_000_123),
        ..Options::default()
    }
}

const RECORDS: [&[u8]; 8] = [
    b"a=1", b"", b"b=2", &[0; 100], b"a=3", &[255; 60], b"c=4", b"the end",
];

/// All kinds of files: sealed, active, earliest; and compacted.
fn write(folder: &Path) -> SegmentLog {
    let log = open_with(folder, options());
    for record in RECORDS {
        append(&log, record).unwrap();
    }
    log.delete_before(1).unwrap();
    log
}

fn compact(log: &SegmentLog) {
    let key = |record: &[u8]| {
        record
            .iter()
            .position(|byte| *byte == b'=')
            .map(|at| record[..at].to_vec())
    };
    log.compact(|entry| key(&entry.record).map_or(Kept::Always, Kept::Newest))
        .unwrap();
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths = segments(folder);
    paths.push(folder.join("earliest"));
    paths
        .iter()
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect()
}

fn check(name: &str, written: &Path) {
    let golden = Path::new(FOLDER).join(name);
    if std::env::var_os("SEGMENT_LOG_BLESS").is_some() {
        fs::create_dir_all(&golden).unwrap();
        for (file, bytes) in files(written) {
            fs::write(golden.join(file), bytes).unwrap();
        }
    }
    assert_eq!(
        files(written),
        files(&golden),
        "the format changed: old logs could not be read any more"
    );
}

fn open_golden(name: &str) -> (tempfile::TempDir, SegmentLog) {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in files(&Path::new(FOLDER).join(name)) {
        fs::write(folder.path().join(file), bytes).unwrap();
    }
    let log = open_with(folder.path(), options());
    (folder, log)
}

#[test]
fn plain() {
    let folder = tempfile::tempdir().unwrap();
    drop(write(folder.path()));
    check("plain", folder.path());
    let (_folder, log) = open_golden("plain");
    assert_eq!(
        log.bounds(),
        Bounds {
            earliest: 1,
            end: 8
        }
    );
    let entries = read_all(&log);
    assert_eq!(
        values(&entries),
        (1..)
            .zip(RECORDS[1..].iter().map(|record| record.to_vec()))
            .collect::<Vec<_>>()
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.timestamp == 1_700_000_000_123)
    );
}

#[test]
fn compacted() {
    let folder = tempfile::tempdir().unwrap();
    let log = write(folder.path());
    compact(&log);
    drop(log);
    check("compacted", folder.path());
    let (_folder, log) = open_golden("compacted");
    let offsets: Vec<u64> = read_all(&log).iter().map(|entry| entry.offset).collect();
    assert_eq!(offsets, [1, 2, 3, 4, 5, 6, 7]);
}

/// The journal as a process that was killed leaves it.
fn journal(folder: &Path) -> Vec<u8> {
    let journal = Journal::open(
        folder,
        JournalOptions {
            file_bytes: 16 << 10,
        },
    )
    .unwrap();
    let logs = ["a", "b/0"].map(|name| journal.open_log(name, options()).unwrap().0);
    for log in &logs {
        append(log, RECORDS[0]).unwrap();
    }
    fs::read(folder.join("journal/0.journal")).unwrap()
}

#[test]
fn journaled() {
    let folder = tempfile::tempdir().unwrap();
    let written = journal(folder.path());
    let golden = Path::new(FOLDER).join("journal");
    if std::env::var_os("SEGMENT_LOG_BLESS").is_some() {
        fs::create_dir_all(&golden).unwrap();
        fs::write(golden.join("0.journal"), &written).unwrap();
    }
    let golden = fs::read(golden.join("0.journal")).unwrap();
    assert_eq!(
        written, golden,
        "the format changed: what a crash left in old journals could not be read any more"
    );
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b/0"] {
        drop(open_with(&folder.path().join(name), options()));
    }
    fs::create_dir(folder.path().join("journal")).unwrap();
    fs::write(folder.path().join("journal/0.journal"), &golden).unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    for name in ["a", "b/0"] {
        assert_eq!(
            values(&read_all(&journal.open_log(name, options()).unwrap().0)),
            [(0, RECORDS[0].to_vec())]
        );
    }
}
