//! Torn tails are cut off, damage is reported: at every byte.

use crate::{append, open, open_with, read_all, segments, values};
use segment_log::{Cursor, OpenError, Options, ReadError, SegmentLog, frame, segment};
use std::{fs, path::Path};

/// The active segment after `commits` of records, all acknowledged.
fn segment_of(records: &[&[u8]]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for record in records {
        append(&log, record).unwrap();
    }
    drop(log);
    fs::read(&segments(folder.path())[0]).unwrap()
}

fn reopen(
    bytes: &[u8],
) -> (
    tempfile::TempDir,
    Result<(SegmentLog, segment_log::Opened), OpenError>,
) {
    let folder = crate::fast_folder();
    fs::write(segment::segment_path(folder.path(), 0), bytes).unwrap();
    let opened = SegmentLog::open(folder.path(), Options::default());
    (folder, opened)
}

const RECORDS: [&[u8]; 4] = [
    b"the first record",
    b"",
    b"a third one that is somewhat longer than the others are",
    b"last",
];

#[test]
fn cut_at_every_byte() {
    let whole = segment_of(&RECORDS);
    let mut ends = vec![segment::HEADER];
    for record in RECORDS {
        ends.push(ends[ends.len() - 1] + record.len() + frame::OVERHEAD);
    }
    assert_eq!(*ends.last().unwrap(), whole.len());
    for length in 0..=whole.len() {
        let (folder, opened) = reopen(&whole[..length]);
        let (log, opened) = opened.unwrap();
        let complete = ends
            .iter()
            .filter(|end| **end <= length)
            .count()
            .saturating_sub(1);
        assert_eq!(opened.bounds.end, complete as u64, "cut to {length} bytes");
        let expected: Vec<_> = (0..)
            .zip(RECORDS[..complete].iter().map(|record| record.to_vec()))
            .collect();
        assert_eq!(values(&read_all(&log)), expected);
        assert_eq!(append(&log, b"goes on").unwrap().offset, complete as u64);
        drop(log);
        assert_eq!(
            read_all(&open(folder.path())).len(),
            complete + 1,
            "and is whole from then on"
        );
    }
}

#[test]
fn a_flipped_bit_anywhere_is_reported() {
    let whole = segment_of(&RECORDS);
    for position in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut bytes = whole.clone();
            bytes[position] ^= 1 << bit;
            let (folder, opened) = reopen(&bytes);
            match opened {
                Err(OpenError::Damaged(damage)) => assert!(damage.offset < RECORDS.len() as u64),
                Err(other) => panic!("byte {position} bit {bit}: {other}"),
                Ok((_, opened)) => panic!("byte {position} bit {bit} went unnoticed: {opened:?}"),
            }
            assert_eq!(
                fs::read(segment::segment_path(folder.path(), 0)).unwrap(),
                bytes,
                "nothing was changed"
            );
        }
    }
}

#[test]
fn a_flipped_bit_in_a_sealed_segment_stops_reading_there() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        segment_bytes: 1,
        ..Options::default()
    };
    let log = open_with(folder.path(), options());
    for number in 0..5_u8 {
        append(&log, &[number; 30]).unwrap();
    }
    drop(log);
    let path = &segments(folder.path())[2];
    let whole = fs::read(path).unwrap();
    for position in segment::HEADER..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x10;
        fs::write(path, &bytes).unwrap();
        let log = open_with(folder.path(), options());
        let mut cursor = Cursor::new(0);
        assert_eq!(
            log.read(&mut cursor, u64::MAX, 100, 1 << 20).unwrap().len(),
            2,
            "byte {position}"
        );
        for _ in 0..2 {
            let again = log.read(&mut cursor, u64::MAX, 100, 1 << 20);
            assert!(
                matches!(again, Err(ReadError::Damaged { offset: 2, .. })),
                "byte {position}: {again:?}"
            );
        }
        let mut behind = Cursor::new(3);
        assert_eq!(
            log.read(&mut behind, u64::MAX, 100, 1 << 20).unwrap().len(),
            2,
            "what lies behind can be read on purpose"
        );
    }
}

#[test]
fn behind_damage_in_the_middle_of_a_sealed_segment() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        segment_bytes: 1000,
        ..Options::default()
    };
    let log = open_with(folder.path(), options());
    for number in 0..40_u8 {
        append(&log, &[number; 50]).unwrap();
    }
    drop(log);
    let path = &segments(folder.path())[0];
    let mut bytes = fs::read(path).unwrap();
    // The length field of the fifth record.
    let position = segment::HEADER + 4 * (50 + frame::OVERHEAD) + 4;
    bytes[position] ^= 0xff;
    fs::write(path, bytes).unwrap();
    let log = open_with(folder.path(), options());
    let read = |from| {
        log.read(&mut Cursor::new(from), u64::MAX, 1, 1)
            .map(|entries| entries[0].offset)
    };
    assert_eq!(read(3).unwrap(), 3);
    assert!(matches!(read(4), Err(ReadError::Damaged { offset: 4, .. })));
    for offset in 5..40 {
        assert_eq!(read(offset).unwrap(), offset);
    }
}

/// Writes frames as one commit behind what is there.
fn commit(bytes: &mut Vec<u8>, first: u64, records: &[&[u8]]) -> usize {
    let start = bytes.len();
    for (offset, record) in (first..).zip(records) {
        let position = bytes.len();
        frame::begin_frame(bytes, |buffer| buffer.extend_from_slice(record));
        let place = frame::Place {
            base: 0,
            position: position as u64,
        };
        frame::seal_frame(
            &mut bytes[position..],
            place,
            offset,
            2_000_000_000_000,
            u32::try_from(position - start).unwrap(),
        );
    }
    start
}

#[test]
fn sectors_missing_from_the_last_commit_are_a_torn_tail() {
    let mut whole = segment_of(&[b"acknowledged"]);
    let large = [7; 3000];
    let start = commit(&mut whole, 1, &[&large, b"small", &large]);
    let sector = usize::try_from(frame::SECTOR).unwrap();
    for from in (0..whole.len()).step_by(sector) {
        let (begin, end) = (from.max(start), (from + sector).min(whole.len()));
        if begin >= end {
            continue;
        }
        let mut bytes = whole.clone();
        bytes[begin..end].fill(0);
        let (_folder, opened) = reopen(&bytes);
        let (log, opened) = opened.unwrap_or_else(|error| panic!("sector at {from}: {error}"));
        assert!(opened.truncated > 0);
        let entries = read_all(&log);
        assert_eq!(entries[0].record, b"acknowledged".as_slice());
        assert_eq!(entries.len() as u64, opened.bounds.end);
        assert!(entries.len() < 4);
    }
}

#[test]
fn sectors_missing_before_a_later_commit_are_damage() {
    let mut whole = segment_of(&[b"acknowledged"]);
    let large = [7; 3000];
    let start = commit(&mut whole, 1, &[&large]);
    let end = whole.len();
    commit(
        &mut whole,
        2,
        &[b"a later commit proves that the one before was synced"],
    );
    whole[start + 600..end - 600].fill(0);
    let (folder, opened) = reopen(&whole);
    assert!(matches!(opened, Err(OpenError::Damaged(_))));
    // Nothing was synced there, so nothing follows from what comes later.
    let (_, opened) = SegmentLog::open(
        folder.path(),
        Options {
            sync: false,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(opened.bounds.end, 1);
}

#[test]
fn a_log_stored_in_a_log_confuses_nobody() {
    let inner = segment_of(&RECORDS);
    let mut whole = segment_of(&[b"acknowledged"]);
    commit(&mut whole, 1, &[&inner]);
    // What looks like frames of later commits inside the torn one is not at its place.
    let (_folder, opened) = reopen(&whole[..whole.len() - 3]);
    assert_eq!(opened.unwrap().1.bounds.end, 1);
}

#[test]
fn a_missing_segment_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        segment_bytes: 1,
        ..Options::default()
    };
    let log = open_with(folder.path(), options());
    for _ in 0..5 {
        append(&log, b"record").unwrap();
    }
    log.delete_before(1).unwrap();
    drop(log);
    let files = segments(folder.path());
    fs::remove_file(&files[2]).unwrap();
    let log = open_with(folder.path(), options());
    let mut cursor = Cursor::new(1);
    assert_eq!(
        log.read(&mut cursor, u64::MAX, 100, 1 << 20).unwrap().len(),
        2
    );
    assert!(matches!(
        log.read(&mut cursor, u64::MAX, 100, 1 << 20),
        Err(ReadError::Damaged { offset: 3, .. })
    ));
    drop(log);
    fs::remove_file(&files[0]).unwrap();
    assert!(matches!(
        SegmentLog::open(folder.path(), options()),
        Err(OpenError::Damaged(_))
    ));
}

#[test]
fn a_segment_that_was_being_created_is_removed() {
    for unfinished in [&b""[..], b"CNSG", &[0; segment::HEADER]] {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path());
        append(&log, b"record").unwrap();
        drop(log);
        fs::write(segment::segment_path(folder.path(), 1), unfinished).unwrap();
        let log = open(folder.path());
        assert_eq!(append(&log, b"next").unwrap().offset, 1);
        drop(log);
        // One that claims more than there is means that something is missing.
        fs::write(segment::segment_path(folder.path(), 5), unfinished).unwrap();
        assert!(matches!(
            SegmentLog::open(folder.path(), Options::default()),
            Err(OpenError::Damaged(_))
        ));
    }
}

#[test]
fn the_message_names_the_place() {
    let mut whole = segment_of(&RECORDS);
    whole[segment::HEADER + frame::HEADER] ^= 1;
    let (folder, opened) = reopen(&whole);
    let text = opened.err().unwrap().to_string();
    let file = segment::segment_path(folder.path(), 0);
    assert!(
        text.contains(&*file.to_string_lossy()) && text.contains("byte 40 (offset 0)"),
        "{text}"
    );
}

#[test]
fn a_damaged_earliest_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    for _ in 0..5 {
        append(&log, b"record").unwrap();
    }
    log.delete_before(3).unwrap();
    drop(log);
    let path = folder.path().join("earliest");
    let whole = fs::read(&path).unwrap();
    let is_refused = |bytes: &[u8], path: &Path| {
        fs::write(path, bytes).unwrap();
        SegmentLog::open(folder.path(), Options::default()).is_err()
    };
    for length in 0..whole.len() {
        assert!(is_refused(&whole[..length], &path), "{length}");
    }
    for position in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 4;
        assert!(is_refused(&bytes, &path), "{position}");
    }
}
