//! The segment log from outside: what is stored, what comes back, and what damage does.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod append;
mod compaction;
mod damage;
mod golden;
mod model;
mod read;
mod retention;

use segment_log::{AppendError, Appended, Cursor, Entry, Options, SegmentLog};
use std::{
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    time::Duration,
};

pub fn open(folder: &Path) -> SegmentLog {
    open_with(folder, Options::default())
}

pub fn open_with(folder: &Path, options: Options) -> SegmentLog {
    SegmentLog::open(folder, options).unwrap().0
}

/// In memory where there is such a place: for tests that sync very often and do not care.
pub fn fast_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// A commit of its own.
pub fn append(log: &SegmentLog, record: &[u8]) -> Result<Appended, AppendError> {
    let (sender, receiver) = sync_channel(1);
    let done = Box::new(move |result| sender.send(result).unwrap());
    log.append(
        record.len(),
        |buffer| buffer.extend_from_slice(record),
        done,
    )
    .unwrap();
    receiver.recv_timeout(Duration::from_secs(30)).unwrap()
}

pub fn read_all(log: &SegmentLog) -> Vec<Entry> {
    let mut cursor = Cursor::new(log.bounds().earliest);
    let mut entries = Vec::new();
    loop {
        let more = log.read(&mut cursor, u64::MAX, 100, 4096).unwrap();
        if more.is_empty() {
            return entries;
        }
        entries.extend(more);
    }
}

pub fn values(entries: &[Entry]) -> Vec<(u64, Vec<u8>)> {
    entries
        .iter()
        .map(|entry| (entry.offset, entry.record.to_vec()))
        .collect()
}

/// Segment files, oldest first.
pub fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "segment")
        })
        .collect();
    files.sort();
    files
}
