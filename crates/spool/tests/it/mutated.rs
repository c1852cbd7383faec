//! A spool's records and segment, damaged in seeded ways: what is shipped is what was written, in its
//! place, and what is whole in its place is never missed in silence. Never is it a panic, nor memory
//! for a length that only damage names. `CONSIGN_MUTATIONS` for more.

use bytes::Bytes;
use event_log::NewRecord;
use seeded_dice::{SeededDice, damage_bytes, damaged_copy, mutation_count, refuse_huge_memory};
use segment_log::{frame, segment};
use spool::{FolderMedium, SpoolFolder, SpoolMedium, codec};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::mpsc,
};

const RECORDS: usize = 24;

/// No two are alike, and many are of one length, so that one could stand where another did.
fn record(n: usize) -> NewRecord {
    let value = match n % 6 {
        0 => None,
        1 => Some(Bytes::new()),
        2 => Some(vec![b'0' + (n % 10) as u8; 700].into()),
        _ => Some(format!("{{\"n\":{n:04}}}").into()),
    };
    let headers = [
        ("ce_id", format!("id-{n:04}")),
        ("consign-seen", "7".into()),
    ];
    NewRecord {
        topic: "consign.transactions".into(),
        partition: (n % 4) as u16,
        key: (!n.is_multiple_of(5)).then(|| format!("key-{:02}", n % 3).into()),
        value,
        headers: headers
            .into_iter()
            .take(n % 3)
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    }
}

fn encoded(record: &NewRecord) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_record(record, &mut bytes);
    bytes
}

#[test]
fn a_damaged_record_is_said_to_be_one_or_is_the_record_of_its_bytes() {
    refuse_huge_memory();
    let (mut read, mut refused) = (0, 0);
    for n in 0..RECORDS {
        let (whole, mut dice) = (encoded(&record(n)), SeededDice::new(n as u64));
        for _ in 0..mutation_count(2_000) {
            let bytes = damaged_copy(&mut dice, &whole);
            match codec::decode_record(bytes.clone().into()) {
                Ok(found) => {
                    assert_eq!(encoded(&found), bytes, "record {n} was read as another");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        read > 100 && refused > 100,
        "{read} read, {refused} refused"
    );
}

/// A spool that was closed, and where each record lies in its one segment.
struct WrittenSpool {
    folder: tempfile::TempDir,
    segment: PathBuf,
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl WrittenSpool {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opened = SpoolFolder::open(folder.path(), "t").unwrap();
        let segment = segment::segment_path(&folder.path().join("records"), 0);
        let medium = FolderMedium::new(opened);
        let (mut places, mut from) = (Vec::new(), segment::HEADER);
        for n in 0..RECORDS {
            let (done, written) = mpsc::channel();
            let sent = medium.append(&record(n), Box::new(move |told| done.send(told).unwrap()));
            sent.unwrap();
            written.recv().unwrap().unwrap();
            let end = from + encoded(&record(n)).len() + frame::OVERHEAD;
            places.push(from..end);
            from = end;
        }
        drop(medium);
        let bytes = fs::read(&segment).unwrap();
        assert_eq!(bytes.len(), from);
        Self {
            folder,
            segment,
            bytes,
            places,
        }
    }

    /// Bytes are damaged, or a whole record stands in another's place, or two change theirs.
    fn damaged(&self, dice: &mut SeededDice) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let (one, other) = (dice.below(RECORDS), dice.below(RECORDS));
        let (one, other) = (self.places[one].clone(), self.places[other].clone());
        match dice.below(4) {
            0 if one.len() == other.len() => {
                bytes[one.clone()].copy_from_slice(&self.bytes[other.clone()]);
                if dice.below(2) == 0 {
                    bytes[other].copy_from_slice(&self.bytes[one]);
                }
            }
            0 | 1 => drop(bytes.splice(one, self.bytes[other].to_vec())),
            _ => damage_bytes(dice, &mut bytes),
        }
        bytes
    }
}

/// What a spool would ship, and whether anything is said to be wrong.
fn shipped(folder: &Path) -> (Vec<Vec<u8>>, bool) {
    let Ok(opened) = SpoolFolder::open(folder, "t") else {
        return (Vec::new(), true);
    };
    let mut found = Vec::new();
    loop {
        match opened.read(opened.found.earliest + found.len() as u64, 7) {
            Ok(records) if records.is_empty() => return (found, false),
            Ok(records) => found.extend(records.iter().map(|spooled| encoded(&spooled.record))),
            Err(_) => return (found, true),
        }
    }
}

#[test]
fn a_damaged_segment_ships_what_was_written_and_misses_nothing_in_silence() {
    refuse_huge_memory();
    let written = WrittenSpool::make();
    let (mut told, mut torn) = (0, 0);
    for seed in 0..mutation_count(3_000) {
        let bytes = written.damaged(&mut SeededDice::new(seed));
        fs::write(&written.segment, &bytes).unwrap();
        let (found, is_told) = shipped(written.folder.path());
        for (n, found) in found.iter().enumerate() {
            assert!(
                n < RECORDS && *found == encoded(&record(n)),
                "seed {seed}: {n} is another"
            );
        }
        if is_told {
            told += 1;
            continue;
        }
        torn += usize::from(found.len() < RECORDS);
        for n in found.len()..RECORDS {
            let place = written.places[n].clone();
            assert_ne!(
                bytes.get(place.clone()),
                Some(&written.bytes[place]),
                "seed {seed}: {n} is whole and missing in silence"
            );
        }
    }
    assert!(told > 100 && torn > 10, "{told} told, {torn} torn");
}
