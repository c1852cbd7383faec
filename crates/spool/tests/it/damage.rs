//! A spool whose bytes are not what was written: cut anywhere, or with one bit changed. What is
//! shipped is always a prefix of what was acknowledged, and where it is not all, somebody is told,
//! unless the end is missing as after a crash.

use crate::wire::{Running, Wire, config, text};
use spool::SpoolFolder;
use std::{
    fs,
    path::{Path, PathBuf},
};

const RECORDS: usize = 6;

async fn filled() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &Wire::default(), &config());
    for n in 0..RECORDS {
        running.put(0, &n.to_string()).await;
    }
    running.kill().await;
    let segment = fs::read_dir(folder.path().join("records"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "segment"))
        .unwrap();
    (folder, segment)
}

/// Opens a spool whose segment is `bytes`; the values that it would ship, and whether anything is
/// said to be wrong.
fn shipped(folder: &Path, segment: &Path, bytes: &[u8]) -> (Vec<String>, bool) {
    fs::write(segment, bytes).unwrap();
    let Ok(opened) = SpoolFolder::open(folder, "t") else {
        return (Vec::new(), true);
    };
    let mut values = Vec::new();
    loop {
        match opened.read(opened.found.earliest + values.len() as u64, 1) {
            Ok(records) if records.is_empty() => return (values, false),
            Ok(records) => values.extend(records.iter().map(|spooled| text(&spooled.record))),
            Err(_) => return (values, true),
        }
    }
}

fn is_prefix(values: &[String]) -> bool {
    values.len() <= RECORDS
        && values
            .iter()
            .enumerate()
            .all(|(n, value)| *value == n.to_string())
}

#[tokio::test]
async fn cut_at_any_byte_a_prefix_is_left() {
    let (folder, segment) = filled().await;
    let whole = fs::read(&segment).unwrap();
    let mut before = 0;
    for cut in 0..=whole.len() {
        let (values, is_told) = shipped(folder.path(), &segment, &whole[..cut]);
        assert!(is_prefix(&values), "cut at {cut}: {values:?}");
        assert!(
            is_told || values.len() >= before,
            "cut at {cut}: {values:?}"
        );
        before = values.len();
    }
    assert_eq!(before, RECORDS);
}

#[tokio::test]
async fn a_bit_that_changed_is_never_shipped() {
    let (folder, segment) = filled().await;
    let whole = fs::read(&segment).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (values, is_told) = shipped(folder.path(), &segment, &bytes);
        assert!(is_prefix(&values), "bit {bit}: {values:?}");
        assert!(
            is_told || values.len() >= RECORDS - 1,
            "bit {bit}: {values:?} in silence"
        );
    }
}
