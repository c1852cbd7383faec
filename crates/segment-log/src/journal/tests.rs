//! Several logs on one journal, on a disk that loses power after any call: nothing acknowledged is
//! lost, nothing else is half there.

mod crash;
mod damage;
mod disk;
mod faults;
mod syncs;

use super::{Journal, JournalOptions};
use crate::{AppendError, Appended, Cursor, Options, SegmentLog, medium::Medium};
use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

/// Few entries fit in a file, so that both are filled again and again.
const FILE: u64 = 32 << 10;

fn journal(medium: Arc<dyn Medium>, root: &Path) -> Journal {
    Journal::open_on(medium, root, JournalOptions { file_bytes: FILE }).unwrap()
}

fn small() -> Options {
    Options {
        segment_bytes: 900,
        ..Options::default()
    }
}

fn queue(log: &SegmentLog, record: &[u8]) -> Receiver<Result<Appended, AppendError>> {
    let (sender, receiver) = sync_channel(1);
    let done = Box::new(move |result| sender.send(result).unwrap());
    log.append(
        record.len(),
        |buffer| buffer.extend_from_slice(record),
        done,
    )
    .unwrap();
    receiver
}

fn wait(receiver: &Receiver<Result<Appended, AppendError>>) -> Result<Appended, AppendError> {
    receiver.recv_timeout(Duration::from_secs(20)).unwrap()
}

fn append(log: &SegmentLog, record: &[u8]) -> Result<Appended, AppendError> {
    wait(&queue(log, record))
}

fn records(log: &SegmentLog) -> Vec<(u64, Vec<u8>)> {
    let (mut cursor, mut found) = (Cursor::new(log.bounds().earliest), Vec::new());
    loop {
        let more = log.read(&mut cursor, u64::MAX, 1000, 1 << 20).unwrap();
        if more.is_empty() {
            return found;
        }
        found.extend(
            more.into_iter()
                .map(|entry| (entry.offset, entry.record.to_vec())),
        );
    }
}

/// In memory where there is such a place.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
