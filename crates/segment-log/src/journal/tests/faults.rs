//! A disk that is full, and one that is broken.

use super::{
    append,
    disk::{CrashDice, Op, Recorder},
    folder, journal, queue, records, small, wait,
};
use crate::{
    AppendError, OpenError, Refused, frame,
    medium::Medium,
    segment::{self, HEADER},
};
use std::{fs, thread, time::Duration};

#[test]
fn a_full_disk_refuses_one_log_and_not_the_others() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = journal(disk.clone(), folder.path());
    let [full, other] = ["full", "other"].map(|name| journal.open_log(name, small()).unwrap().0);
    append(&full, b"before").unwrap();
    for part in [0, 1, 40, 10_000] {
        disk.faults(|faults| faults.write = Some(("full/", part)));
        let results =
            [queue(&full, b"does not fit"), queue(&other, b"fits")].map(|receiver| wait(&receiver));
        assert!(
            matches!(results[0], Err(AppendError::Rejected(_))),
            "{part} bytes were written"
        );
        assert!(results[1].is_ok() && full.healthy());
    }
    assert_eq!(append(&full, b"after").unwrap().offset, 1);
    journal.close().unwrap();
    drop((full, other));
    let journal = super::journal(Recorder::<()>::new(folder.path()), folder.path());
    let (full, opened) = journal.open_log("full", small()).unwrap();
    assert_eq!(
        (opened.truncated, records(&full)),
        (0, vec![(0, b"before".to_vec()), (1, b"after".to_vec())])
    );
    assert_eq!(journal.open_log("other", small()).unwrap().1.bounds.end, 4);
}

#[test]
fn a_disk_that_is_full_for_the_journal_refuses_and_goes_on() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = journal(disk.clone(), folder.path());
    let logs = ["a", "b"].map(|name| journal.open_log(name, small()).unwrap().0);
    for part in [0, 511, 600, 100_000] {
        disk.faults(|faults| faults.write = Some((".journal", part)));
        assert!(
            matches!(append(&logs[0], b"refused"), Err(AppendError::Rejected(_))),
            "{part} bytes were written"
        );
        append(&logs[1], b"goes on").unwrap();
    }
    assert_eq!(logs.each_ref().map(|log| log.bounds().end), [0, 4]);
}

#[test]
fn a_failed_sync_of_the_journal_fails_all_its_logs() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = journal(disk.clone(), folder.path());
    let logs = ["a", "b", "c"].map(|name| journal.open_log(name, small()).unwrap().0);
    for log in &logs {
        append(log, b"safe").unwrap();
    }
    disk.faults(|faults| faults.sync = Some(".journal"));
    assert!(matches!(
        append(&logs[0], b"who knows"),
        Err(AppendError::SyncFailed(_))
    ));
    for log in &logs {
        assert!(!log.healthy());
        let refused = log.append(
            1,
            |buffer| buffer.push(1),
            Box::new(|_| panic!("refused records have no outcome")),
        );
        assert_eq!(refused, Err(Refused::Failed));
        assert_eq!(
            records(log),
            [(0, b"safe".to_vec())],
            "reading goes on, to what is safe"
        );
    }
    assert!(matches!(
        journal.open_log("d", small()),
        Err(OpenError::JournalClosed)
    ));
    journal.close().unwrap();
    drop(logs);
    drop(journal);
    let journal = super::journal(Recorder::<()>::new(folder.path()), folder.path());
    for name in ["a", "b", "c"] {
        assert_eq!(
            records(&journal.open_log(name, small()).unwrap().0)[0],
            (0, b"safe".to_vec())
        );
    }
}

#[test]
fn a_segment_that_cannot_be_synced_stays_in_the_journal() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = journal(disk.clone(), folder.path());
    let [broken, other] =
        ["broken", "other"].map(|name| journal.open_log(name, small()).unwrap().0);
    disk.faults(|faults| faults.sync = Some("broken/"));
    let mut safe = Vec::new();
    // The files fill, and cannot be emptied: then all is over, and nothing that was acknowledged is
    // lost.
    while let Ok(appended) = append(&broken, &[7; 700]) {
        safe.push((appended.offset, vec![7; 700]));
        assert!(safe.len() < 1000);
    }
    assert!(safe.len() > 10 && !other.healthy());
    drop((broken, other));
    drop(journal);
    let left = super::folder();
    disk.crash(&disk.ops(), &mut CrashDice::nothing(), left.path());
    let journal = super::journal(Recorder::<()>::new(left.path()), left.path());
    let found = records(&journal.open_log("broken", small()).unwrap().0);
    assert_eq!(found[..safe.len()], safe);
}

/// What a log has after everything that was not synced is lost.
fn after_a_power_cut(disk: &Recorder<()>, ops: &[Op<()>], log: &str) -> Vec<(u64, Vec<u8>)> {
    let left = folder();
    disk.crash(ops, &mut CrashDice::nothing(), left.path());
    let journal = journal(Recorder::<()>::new(left.path()), left.path());
    records(&journal.open_log(log, small()).unwrap().0)
}

#[test]
fn a_failed_sync_is_remembered() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = journal(disk.clone(), folder.path());
    let [broken, other] =
        ["broken", "other"].map(|name| journal.open_log(name, small()).unwrap().0);
    append(&broken, b"only the journal has it").unwrap();
    disk.faults(|faults| faults.sync_once = Some("broken/"));
    broken.close().unwrap();
    // The disk works again, and what it lost is not in memory any more to be written.
    for _ in 0..100 {
        if append(&other, &[7; 700]).is_err() {
            break;
        }
    }
    assert!(
        !other.healthy(),
        "the journal is not emptied of what no segment has"
    );
    assert_eq!(
        after_a_power_cut(&disk, &disk.ops(), "broken"),
        [(0, b"only the journal has it".to_vec())]
    );
}

#[test]
fn a_slow_segment_keeps_both_files() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = journal(disk.clone(), folder.path());
    let [slow, other] = ["slow", "other"].map(|name| journal.open_log(name, small()).unwrap().0);
    append(&slow, b"in the first file").unwrap();
    disk.faults(|faults| faults.hang = Some("slow/"));
    // Enough to fill both.
    let waiting: Vec<_> = (0..40)
        .map(|_| {
            (
                queue(&other, &[7; 700]),
                thread::sleep(Duration::from_millis(5)),
            )
                .0
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    let safe = waiting
        .iter()
        .take_while(|receiver| receiver.try_recv().is_ok())
        .count();
    let ops = disk.ops();
    disk.faults(|faults| faults.hang = None);
    assert!((5..40).contains(&safe), "{safe}: it waits");
    assert_eq!(
        after_a_power_cut(&disk, &ops, "slow"),
        [(0, b"in the first file".to_vec())]
    );
    assert!(after_a_power_cut(&disk, &ops, "other").len() >= safe);
    assert!(
        waiting[safe..]
            .iter()
            .all(|receiver| wait(receiver).is_ok()),
        "and goes on"
    );
}

#[test]
fn what_a_killed_process_left_in_memory_is_synced_before_it_is_read() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let opened = |name| {
        let journal = journal(disk.clone(), folder.path());
        let log = journal.open_log(name, small()).unwrap().0;
        (journal, log)
    };
    drop(opened("log"));
    // Killed between writing the segment and writing the journal.
    let mut bytes = Vec::new();
    frame::begin_frame(&mut bytes, |buffer| {
        buffer.extend_from_slice(b"never acknowledged")
    });
    frame::seal_frame(
        &mut bytes,
        frame::Place {
            base: 0,
            position: HEADER as u64,
        },
        0,
        2_000_000_000_000,
        0,
    );
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(segment::segment_path(&folder.path().join("log"), 0))
        .unwrap();
    disk.write(&file, HEADER as u64, &bytes).unwrap();
    let (_journal, log) = opened("log");
    assert_eq!(
        records(&log),
        [(0, b"never acknowledged".to_vec())],
        "somebody may act on it"
    );
    assert_eq!(
        after_a_power_cut(&disk, &disk.ops(), "log"),
        [(0, b"never acknowledged".to_vec())]
    );
}
