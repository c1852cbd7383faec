//! How often the disk is asked to sync.

use super::{append, disk::Recorder, folder, queue, records, wait};
use crate::{
    Options,
    journal::{Journal, JournalOptions},
};
use std::{
    sync::{Arc, Barrier},
    thread,
};

#[test]
fn eight_logs_share_one_sync_per_round() {
    const EACH: usize = 200;
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = Journal::open_on(disk.clone(), folder.path(), JournalOptions::default()).unwrap();
    let logs: Vec<_> = (0..8)
        .map(|number| {
            journal
                .open_log(&format!("{number}"), Options::default())
                .unwrap()
                .0
        })
        .collect();
    let (before, barrier) = (disk.counted(), Arc::new(Barrier::new(8)));
    let threads: Vec<_> = logs
        .into_iter()
        .map(|log| {
            let barrier = barrier.clone();
            thread::spawn(move || {
                // All wait for each other, so each turn has a record of every log.
                for number in 0..EACH {
                    barrier.wait();
                    assert_eq!(append(&log, b"record").unwrap().offset, number as u64);
                }
                log
            })
        })
        .collect();
    let logs: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let (all, journals) = disk.counted();
    assert_eq!(all - before.0, journals - before.1, "no segment was synced");
    // A record that comes while the first of its turn is synced shares the next sync.
    assert!(
        journals - before.1 <= 4 * EACH,
        "{} syncs for {EACH} turns",
        journals - before.1
    );
    drop(logs);
}

#[test]
fn what_waits_in_all_logs_is_one_round() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = Journal::open_on(disk.clone(), folder.path(), JournalOptions::default()).unwrap();
    let logs: Vec<_> = (0..8)
        .map(|number| {
            journal
                .open_log(&format!("{number}"), Options::default())
                .unwrap()
                .0
        })
        .collect();
    // The thread is held in a completion while the others queue.
    let (entered, held) = std::sync::mpsc::sync_channel(1);
    let (release, released) = std::sync::mpsc::sync_channel::<()>(1);
    let hold = Box::new(move |_| {
        entered.send(()).unwrap();
        released.recv().unwrap();
    });
    logs[0].append(1, |buffer| buffer.push(1), hold).unwrap();
    held.recv().unwrap();
    let before = disk.counted();
    let waiting: Vec<_> = (0..80)
        .map(|number| queue(&logs[number % 8], b"record"))
        .collect();
    release.send(()).unwrap();
    for receiver in &waiting {
        wait(receiver).unwrap();
    }
    let after = disk.counted();
    assert_eq!(
        (after.0 - before.0, after.1 - before.1),
        (1, 1),
        "80 records of 8 logs, one sync, of the journal"
    );
    assert_eq!(records(&logs[0]).len(), 11);
}

#[test]
fn logs_that_are_not_synced_wait_for_nobody() {
    let folder = folder();
    let disk = Recorder::<()>::new(folder.path());
    let journal = Journal::open_on(disk.clone(), folder.path(), JournalOptions::default()).unwrap();
    let synced = journal.open_log("synced", Options::default()).unwrap().0;
    let unsynced = journal
        .open_log(
            "unsynced",
            Options {
                sync: false,
                ..Options::default()
            },
        )
        .unwrap()
        .0;
    let (entered, held) = std::sync::mpsc::sync_channel(1);
    let (release, released) = std::sync::mpsc::sync_channel::<()>(1);
    let hold = Box::new(move |_| {
        entered.send(()).unwrap();
        released.recv().unwrap();
    });
    synced.append(1, |buffer| buffer.push(1), hold).unwrap();
    held.recv().unwrap();
    let before = disk.counted();
    append(&unsynced, b"goes through").unwrap();
    assert_eq!(disk.counted(), before);
    release.send(()).unwrap();
}
