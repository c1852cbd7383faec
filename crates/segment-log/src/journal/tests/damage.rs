//! A journal that is not what was written is reported, and nothing is changed.

use super::{append, folder, journal, records, small};
use crate::{
    OpenError,
    journal::{Journal, JournalOptions},
    journal_files::entry::SECTOR,
    medium::Disk,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

const RECORDS: usize = 14;

/// What a power cut leaves of a log with records in both of the journal's files, when no segment
/// came to the disk after it was made.
fn left() -> tempfile::TempDir {
    let (folder, left) = (folder(), folder());
    let running = journal(Arc::new(Disk), folder.path());
    let log = running.open_log("log", small()).unwrap().0;
    let segment = fs::read(crate::segment::segment_path(&folder.path().join("log"), 0)).unwrap();
    for number in 0..RECORDS {
        append(&log, &[u8::try_from(number).unwrap(); 600]).unwrap();
        // The second file is written, the first one's emptying is not on the disk.
        if number == 6 {
            fs::create_dir_all(left.path().join("journal")).unwrap();
            fs::copy(file(folder.path(), 0), file(left.path(), 0)).unwrap();
        }
    }
    fs::copy(file(folder.path(), 1), file(left.path(), 1)).unwrap();
    fs::create_dir_all(left.path().join("log")).unwrap();
    fs::write(
        crate::segment::segment_path(&left.path().join("log"), 0),
        segment,
    )
    .unwrap();
    left
}

fn file(root: &Path, number: u32) -> PathBuf {
    root.join(format!("journal/{number}.journal"))
}

fn open(root: &Path) -> Result<Journal, OpenError> {
    Journal::open_on(
        Arc::new(Disk),
        root,
        JournalOptions {
            file_bytes: super::FILE,
        },
    )
}

fn is_damaged(root: &Path) -> bool {
    matches!(open(root), Err(OpenError::Damaged(_)))
}

fn whole(root: &Path) -> usize {
    let journal = open(root).unwrap();
    let found = records(&journal.open_log("log", small()).unwrap().0);
    assert!(found.iter().zip(0..).all(|((offset, record), number)| (
        *offset,
        record[..] == [number; 600]
    ) == (u64::from(number), true)));
    found.len()
}

/// Sectors that belong to entries.
fn live(bytes: &[u8]) -> Vec<usize> {
    (8..bytes.len() / SECTOR)
        .filter(|at| {
            bytes[at * SECTOR..(at + 1) * SECTOR]
                .iter()
                .any(|byte| *byte != 0)
        })
        .collect()
}

#[test]
fn is_whole_when_nothing_happens() {
    assert_eq!(whole(left().path()), RECORDS);
}

#[test]
fn a_flipped_bit_in_any_sector_is_reported() {
    let left = left();
    let log = fs::read(crate::segment::segment_path(&left.path().join("log"), 0)).unwrap();
    for number in 0..2 {
        let path = file(left.path(), number);
        let bytes = fs::read(&path).unwrap();
        for sector in live(&bytes) {
            for byte in [0, 9, 100, 495, 498, 506, 511] {
                let mut bad = bytes.clone();
                bad[sector * SECTOR + byte] ^= 4;
                fs::write(&path, &bad).unwrap();
                assert!(
                    is_damaged(left.path()),
                    "file {number}, sector {sector}, byte {byte}"
                );
                assert_eq!(fs::read(&path).unwrap(), bad, "nothing was changed");
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(
        fs::read(crate::segment::segment_path(&left.path().join("log"), 0)).unwrap(),
        log
    );
    assert_eq!(whole(left.path()), RECORDS);
}

#[test]
fn an_entry_that_is_missing_before_a_later_one_is_reported() {
    let left = left();
    let [first, second] = [0, 1].map(|number| fs::read(file(left.path(), number)).unwrap());
    for (number, bytes) in [(0, &first), (1, &second)] {
        let sectors = live(bytes);
        let entries: Vec<_> = sectors.iter().filter(|sector| **sector % 8 == 0).collect();
        let last = number == 1;
        for sector in &entries[..entries.len() - usize::from(last)] {
            let mut bad = bytes.clone();
            bad[**sector * SECTOR..(**sector + 8) * SECTOR].fill(0);
            fs::write(file(left.path(), number), &bad).unwrap();
            assert!(is_damaged(left.path()), "file {number}, sector {sector}");
        }
        fs::write(file(left.path(), number), bytes).unwrap();
    }
    // The last one may have been torn: then nobody was told of it.
    let mut torn = second.clone();
    let last = live(&second).pop().unwrap();
    torn[last * SECTOR..(last + 1) * SECTOR].fill(0);
    fs::write(file(left.path(), 1), torn).unwrap();
    assert_eq!(whole(left.path()), RECORDS - 1);
}

#[test]
fn a_segment_that_lost_what_was_synced_is_reported() {
    let left = left();
    let path = crate::segment::segment_path(&left.path().join("log"), 0);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(is_damaged(left.path()), "cut to {length} bytes");
    }
    fs::remove_file(&path).unwrap();
    assert!(is_damaged(left.path()));
}

#[test]
fn leftovers_of_an_earlier_use_do_not_count() {
    let folder = folder();
    let journal = journal(Arc::new(Disk), folder.path());
    let log = journal.open_log("log", small()).unwrap().0;
    for number in 0..RECORDS {
        append(&log, &[u8::try_from(number).unwrap(); 600]).unwrap();
    }
    journal.close().unwrap();
    drop((log, journal));
    // Any of it put back would bring the log back to life.
    fs::remove_dir_all(folder.path().join("log")).unwrap();
    fs::create_dir(folder.path().join("log")).unwrap();
    assert_eq!(whole(folder.path()), 0);
}

#[test]
fn a_segment_without_a_beginning_that_others_followed_is_reported() {
    let folder = folder();
    let journal = journal(Arc::new(Disk), folder.path());
    let log = journal.open_log("log", small()).unwrap().0;
    for _ in 0..3 {
        append(&log, &[7; 250]).unwrap();
    }
    journal.close().unwrap();
    drop((log, journal));
    let path = crate::segment::segment_path(&folder.path().join("log"), 0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..SECTOR].fill(0);
    fs::write(&path, &bytes).unwrap();
    let opened = open(folder.path()).unwrap().open_log("log", small());
    assert!(matches!(opened, Err(OpenError::Damaged(_))));
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was changed");
}
