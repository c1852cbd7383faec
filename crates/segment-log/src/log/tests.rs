//! What the disk can do to the log: full, failing to sync, failing to create.

use super::SegmentLog;
use crate::{
    AppendError, Appended, Bounds, Cursor, Opened, Options, Refused, RetentionError,
    medium::{Disk, Medium},
};
use parking_lot::Mutex;
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

/// Which call fails next, and with what.
#[derive(Default)]
struct Faults {
    write: Option<(io::ErrorKind, usize)>,
    sync: Option<io::ErrorKind>,
    create: Option<io::ErrorKind>,
    truncate: Option<io::ErrorKind>,
}

#[derive(Clone, Default)]
struct Faulty(Arc<Mutex<Faults>>);

impl Medium for Faulty {
    fn create(&self, path: &Path) -> io::Result<File> {
        match self.0.lock().create.take() {
            Some(kind) => Err(kind.into()),
            None => Disk.create(path),
        }
    }

    fn write(&self, file: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
        match self.0.lock().write.take() {
            // As a full disk does: some of it is there.
            Some((kind, part)) => {
                file.write_all_at(&bytes[..part.min(bytes.len())], position)?;
                Err(kind.into())
            }
            None => Disk.write(file, position, bytes),
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        match self.0.lock().sync.take() {
            Some(kind) => Err(kind.into()),
            None => Disk.sync(file),
        }
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        match self.0.lock().truncate.take() {
            Some(kind) => Err(kind.into()),
            None => Disk.truncate(file, length),
        }
    }
}

struct Bed {
    folder: tempfile::TempDir,
    faults: Faulty,
    log: SegmentLog,
}

fn bed(options: Options) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faulty::default();
    let (log, _) = SegmentLog::open_on(Arc::new(faults.clone()), folder.path(), options).unwrap();
    Bed {
        folder,
        faults,
        log,
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

fn append(log: &SegmentLog, record: &[u8]) -> Result<Appended, AppendError> {
    queue(log, record)
        .recv_timeout(Duration::from_secs(20))
        .unwrap()
}

fn records(log: &SegmentLog) -> Vec<Vec<u8>> {
    let mut cursor = Cursor::new(log.bounds().earliest);
    log.read(&mut cursor, u64::MAX, 1000, 1 << 20)
        .unwrap()
        .into_iter()
        .map(|entry| entry.record.to_vec())
        .collect()
}

impl Bed {
    fn reopen(self) -> (tempfile::TempDir, SegmentLog, Opened) {
        drop(self.log);
        let (log, opened) = SegmentLog::open(self.folder.path(), Options::default()).unwrap();
        (self.folder, log, opened)
    }
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let bed = bed(Options::default());
    assert_eq!(append(&bed.log, b"before").unwrap().offset, 0);
    for part in [0, 1, 40, 100_000] {
        bed.faults.0.lock().write = Some((io::ErrorKind::StorageFull, part));
        assert!(
            matches!(
                append(&bed.log, b"does not fit"),
                Err(AppendError::Rejected(_))
            ),
            "{part} bytes were written"
        );
        assert!(bed.log.healthy());
    }
    assert_eq!(append(&bed.log, b"after").unwrap().offset, 1);
    assert_eq!(records(&bed.log), [b"before".to_vec(), b"after".to_vec()]);
    let (_folder, log, opened) = bed.reopen();
    assert_eq!(
        (opened.truncated, opened.bounds.end),
        (0, 2),
        "what was refused left nothing behind"
    );
    assert_eq!(records(&log), [b"before".to_vec(), b"after".to_vec()]);
}

#[test]
fn a_disk_that_is_full_for_a_new_segment_refuses_and_goes_on() {
    let bed = bed(Options {
        segment_bytes: 1,
        ..Options::default()
    });
    append(&bed.log, b"first").unwrap();
    bed.faults.0.lock().create = Some(io::ErrorKind::StorageFull);
    assert!(matches!(
        append(&bed.log, b"refused"),
        Err(AppendError::Rejected(_))
    ));
    bed.faults.0.lock().write = Some((io::ErrorKind::StorageFull, 7));
    assert!(matches!(
        append(&bed.log, b"refused"),
        Err(AppendError::Rejected(_))
    ));
    assert_eq!(append(&bed.log, b"second").unwrap().offset, 1);
    let (_folder, log, _) = bed.reopen();
    assert_eq!(records(&log), [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_failed_sync_is_fatal_until_the_log_is_opened_again() {
    let bed = bed(Options::default());
    append(&bed.log, b"safe").unwrap();
    bed.faults.0.lock().sync = Some(io::ErrorKind::Other);
    assert!(matches!(
        append(&bed.log, b"who knows"),
        Err(AppendError::SyncFailed(_))
    ));
    assert!(!bed.log.healthy());
    let refused = bed.log.append(
        1,
        |buffer| buffer.push(1),
        Box::new(|_| panic!("refused records have no outcome")),
    );
    assert_eq!(refused, Err(Refused::Failed));
    assert_eq!(
        records(&bed.log),
        [b"safe".to_vec()],
        "reading goes on, to what is safe"
    );
    let (_folder, log, opened) = bed.reopen();
    assert_eq!(
        opened.bounds.end, 1,
        "what the disk refused is not taken for safe because memory has it"
    );
    assert_eq!(append(&log, b"again").unwrap().offset, 1);
}

#[test]
fn a_full_disk_that_cannot_be_cleaned_up_is_fatal() {
    let bed = bed(Options::default());
    append(&bed.log, b"safe").unwrap();
    {
        let mut faults = bed.faults.0.lock();
        faults.write = Some((io::ErrorKind::StorageFull, 40));
        faults.truncate = Some(io::ErrorKind::Other);
    }
    assert!(matches!(
        append(&bed.log, b"half"),
        Err(AppendError::SyncFailed(_))
    ));
    let (_folder, log, opened) = bed.reopen();
    assert_eq!(opened.truncated, 40);
    assert_eq!(records(&log), [b"safe".to_vec()]);
}

#[test]
fn what_waits_behind_a_failed_sync_is_answered() {
    let bed = bed(Options::default());
    bed.faults.0.lock().sync = Some(io::ErrorKind::Other);
    let mut waiting = Vec::new();
    for _ in 0..1000 {
        let (sender, receiver) = sync_channel(1);
        let done = Box::new(move |result| sender.send(result).unwrap());
        if bed.log.append(1, |buffer| buffer.push(1), done).is_err() {
            break;
        }
        waiting.push(receiver);
    }
    for receiver in waiting {
        assert!(
            receiver
                .recv_timeout(Duration::from_secs(20))
                .unwrap()
                .is_err()
        );
    }
}

#[test]
fn earliest_is_kept_when_it_cannot_be_written() {
    let bed = bed(Options::default());
    for _ in 0..10 {
        append(&bed.log, b"record").unwrap();
    }
    bed.faults.0.lock().create = Some(io::ErrorKind::StorageFull);
    assert!(matches!(
        bed.log.delete_before(5),
        Err(RetentionError::Io(_))
    ));
    assert_eq!(
        bed.log.bounds(),
        Bounds {
            earliest: 0,
            end: 10
        }
    );
    bed.log.delete_before(5).unwrap();
    assert_eq!(
        bed.log.bounds(),
        Bounds {
            earliest: 5,
            end: 10
        }
    );
}
