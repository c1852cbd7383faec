//! Reading: from any offset, what is there and what is not any more.

use crate::{append, open, open_with, read_all, values};
use segment_log::{Cursor, Options, ReadError, SegmentLog};
use std::sync::Arc;

fn filled(folder: &std::path::Path, count: u64) -> SegmentLog {
    let log = open_with(
        folder,
        Options {
            segment_bytes: 4096,
            ..Options::default()
        },
    );
    for number in 0..count {
        append(&log, format!("{number:0100}").as_bytes()).unwrap();
    }
    log
}

fn offsets(log: &SegmentLog, from: u64, until: u64, records: usize, bytes: usize) -> Vec<u64> {
    log.read(&mut Cursor::new(from), until, records, bytes)
        .unwrap()
        .iter()
        .map(|entry| entry.offset)
        .collect()
}

#[test]
fn from_any_offset() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 200));
    // With and without the index that appending made.
    let log = open_with(folder.path(), Options::default());
    for from in 0..=200 {
        assert_eq!(
            offsets(&log, from, u64::MAX, 3, 1 << 20),
            (from..200.min(from + 3)).collect::<Vec<_>>()
        );
    }
    assert_eq!(offsets(&log, 10, 13, 100, 1 << 20), [10, 11, 12]);
    assert_eq!(
        offsets(&log, 10, 500, 100, 1),
        [10],
        "one comes whatever its size"
    );
    assert_eq!(offsets(&log, 10, 500, 100, 350), [10, 11, 12]);
    assert_eq!(
        offsets(&log, 0, u64::MAX, 1000, 1 << 20).len(),
        200,
        "over the ends of segments"
    );
}

#[test]
fn out_of_range_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 10);
    let read = |from| {
        log.read(&mut Cursor::new(from), u64::MAX, 1, 1)
            .map(|entries| entries.len())
    };
    assert!(matches!(
        read(11),
        Err(ReadError::OutOfRange {
            wanted: 11,
            earliest: 0,
            end: 10
        })
    ));
    assert_eq!(read(10).unwrap(), 0);
    log.delete_before(4).unwrap();
    assert!(matches!(
        read(3),
        Err(ReadError::OutOfRange {
            wanted: 3,
            earliest: 4,
            end: 10
        })
    ));
}

#[test]
fn a_cursor_follows_what_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 1);
    let mut cursor = Cursor::new(1);
    for number in 1..100 {
        assert!(
            log.read(&mut cursor, u64::MAX, 10, 1 << 20)
                .unwrap()
                .is_empty()
        );
        append(&log, format!("{number:0100}").as_bytes()).unwrap();
        let entries = log.read(&mut cursor, u64::MAX, 10, 1 << 20).unwrap();
        assert_eq!((entries.len(), entries[0].offset), (1, number));
    }
}

#[test]
fn readers_and_a_writer_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(open_with(
        folder.path(),
        Options {
            segment_bytes: 10_000,
            ..Options::default()
        },
    ));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut cursor = Cursor::new(0);
                let mut next = 0_u64;
                while next < 2000 {
                    for entry in log.read(&mut cursor, u64::MAX, 7, 1 << 20).unwrap() {
                        assert_eq!(entry.offset, next);
                        assert_eq!(entry.record, next.to_le_bytes().repeat(8));
                        next += 1;
                    }
                }
            })
        })
        .collect();
    let (sender, receiver) = std::sync::mpsc::sync_channel(2000);
    for number in 0..2000_u64 {
        let sender = sender.clone();
        let fill = |buffer: &mut Vec<u8>| buffer.extend_from_slice(&number.to_le_bytes().repeat(8));
        log.append(
            64,
            fill,
            Box::new(move |result| sender.send(result).unwrap()),
        )
        .unwrap();
        if number % 50 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    readers
        .into_iter()
        .for_each(|reader| reader.join().unwrap());
    assert_eq!(
        receiver.iter().take(2000).filter(Result::is_ok).count(),
        2000
    );
    assert_eq!(read_all(&log).len(), 2000);
}

#[test]
fn whoever_follows_reads_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut cursor = Cursor::new(0);
    for number in 0..200_u8 {
        append(&log, &[number; 3000]).unwrap();
        // A file that is gone to zeros would be seen by whoever reads it.
        let path = &crate::segments(folder.path())[0];
        let length = std::fs::metadata(path).unwrap().len();
        std::fs::write(path, vec![0; usize::try_from(length).unwrap()]).unwrap();
        let entries = log.read(&mut cursor, u64::MAX, 10, 1 << 20).unwrap();
        assert_eq!(values(&entries), [(u64::from(number), vec![number; 3000])]);
    }
}
