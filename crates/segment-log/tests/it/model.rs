//! Random use against a plain list.

use crate::{open_with, read_all, values};
use proptest::prelude::*;
use segment_log::{Bounds, Cursor, Kept, Options, ReadError, SegmentLog};
use std::{collections::HashMap, path::Path, sync::mpsc::sync_channel, time::Duration};

#[derive(Clone, Debug)]
enum Act {
    Append(Vec<Vec<u8>>),
    Reopen,
    /// A crash in the middle of a commit: so many bytes of a frame that nobody was told of.
    Crash(usize),
    DeleteBefore(u64),
    Read(u64, usize, usize),
    Compact,
}

fn act() -> impl Strategy<Value = Act> {
    let record = proptest::collection::vec(any::<u8>(), 0..80);
    prop_oneof![
        5 => proptest::collection::vec(record, 1..12).prop_map(Act::Append),
        1 => Just(Act::Reopen),
        1 => (1..36_usize).prop_map(Act::Crash),
        1 => (0..120_u64).prop_map(Act::DeleteBefore),
        3 => (0..120_u64, 1..20_usize, 0..500_usize).prop_map(|(from, records, bytes)| Act::Read(from, records, bytes)),
        1 => Just(Act::Compact),
    ]
}

#[derive(Default)]
struct Model {
    records: Vec<(u64, Vec<u8>)>,
    earliest: u64,
    end: u64,
}

fn options() -> Options {
    Options {
        segment_bytes: 300,
        ..Options::default()
    }
}

/// Records with the same first byte have the same key.
fn key(record: &[u8]) -> Kept {
    record
        .first()
        .map_or(Kept::Always, |byte| Kept::Newest(vec![byte % 8]))
}

fn append(log: &SegmentLog, model: &mut Model, records: Vec<Vec<u8>>) {
    let (sender, receiver) = sync_channel(records.len());
    for record in &records {
        let sender = sender.clone();
        let done = Box::new(move |result| sender.send(result).unwrap());
        log.append(
            record.len(),
            |buffer| buffer.extend_from_slice(record),
            done,
        )
        .unwrap();
    }
    for record in records {
        let appended = receiver
            .recv_timeout(Duration::from_secs(20))
            .unwrap()
            .unwrap();
        assert_eq!(appended.offset, model.end);
        model.records.push((model.end, record));
        model.end += 1;
    }
}

fn crash(folder: &Path, bytes: usize) {
    let active = crate::segments(folder).pop().unwrap();
    let mut content = std::fs::read(&active).unwrap();
    content.extend((0..bytes).map(|byte| u8::try_from(byte).unwrap() | 1));
    std::fs::write(active, content).unwrap();
}

fn compact(log: &SegmentLog, folder: &Path, model: &mut Model) {
    let active: u64 = crate::segments(folder)
        .pop()
        .unwrap()
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    log.compact(|entry| key(&entry.record)).unwrap();
    let mut newest = HashMap::new();
    for (offset, record) in &model.records {
        if let Kept::Newest(key) = key(record) {
            newest.insert(key, *offset);
        }
    }
    model.records.retain(|(offset, record)| match key(record) {
        Kept::Newest(key) => *offset >= active || newest[&key] == *offset,
        Kept::Always | Kept::Tombstone(_) => true,
    });
}

fn read(log: &SegmentLog, model: &Model, from: u64, records: usize, bytes: usize) {
    let mut cursor = Cursor::new(from);
    let answer = log.read(&mut cursor, u64::MAX, records, bytes);
    if from < model.earliest || from > model.end {
        assert!(matches!(answer, Err(ReadError::OutOfRange { .. })));
        return;
    }
    let entries = answer.unwrap();
    let expected: Vec<_> = model
        .records
        .iter()
        .filter(|(offset, _)| *offset >= from)
        .cloned()
        .collect();
    assert_eq!(values(&entries), expected[..entries.len()]);
    assert!(entries.len() <= records);
    assert!(
        !entries.is_empty() || expected.is_empty(),
        "something was there"
    );
    let size: usize = entries.iter().map(|entry| entry.record.len()).sum();
    assert!(entries.len() == 1 || size <= bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn as_a_list(acts in proptest::collection::vec(act(), 1..40)) {
        let folder = crate::fast_folder();
        let mut log = open_with(folder.path(), options());
        let mut model = Model::default();
        for act in acts {
            match act {
                Act::Append(records) => append(&log, &mut model, records),
                Act::Reopen => {
                    drop(log);
                    log = open_with(folder.path(), options());
                }
                Act::Crash(bytes) => {
                    drop(log);
                    crash(folder.path(), bytes);
                    let (again, opened) = SegmentLog::open(folder.path(), options()).unwrap();
                    assert_eq!(opened.truncated, bytes as u64);
                    log = again;
                }
                Act::DeleteBefore(offset) => {
                    let result = log.delete_before(offset);
                    assert_eq!(result.is_ok(), offset <= model.end);
                    if result.is_ok() {
                        model.earliest = model.earliest.max(offset);
                        model.records.retain(|(offset, _)| *offset >= model.earliest);
                    }
                }
                Act::Read(from, records, bytes) => read(&log, &model, from, records, bytes),
                Act::Compact => compact(&log, folder.path(), &mut model),
            }
            assert_eq!(log.bounds(), Bounds { earliest: model.earliest, end: model.end });
        }
        drop(log);
        assert_eq!(values(&read_all(&open_with(folder.path(), options()))), model.records);
    }
}
