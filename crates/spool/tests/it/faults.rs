//! A disk that is full, one whose syncs fail, and a folder that two processes want.

use crate::wire::{Running, Wire, config, is_spooled, record, until};
use event_log::DeliveryError;
use segment_log::{
    SegmentLog,
    medium::{Disk, Medium},
};
use spool::{
    SpoolFolder, SpoolRefusal,
    folder::segment_options,
    machine::{DiskState, NotAccepted},
};
use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A disk that can be made to fail.
#[derive(Default)]
struct Faulty {
    is_full: AtomicBool,
    syncs_fail: AtomicBool,
}

impl Medium for Faulty {
    fn write(&self, file: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
        if self.is_full.load(Ordering::SeqCst) {
            let part = &bytes[..bytes.len() / 2];
            Disk.write(file, position, part)?;
            return Err(io::Error::from_raw_os_error(28));
        }
        Disk.write(file, position, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.syncs_fail.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Disk.sync(file)
    }
}

fn open_on(disk: &Arc<Faulty>, folder: &Path) -> SpoolFolder {
    let open = |path: &Path, options| SegmentLog::open_on(disk.clone(), path, options);
    SpoolFolder::open_with(folder, Some("t"), segment_options(), open).unwrap()
}

/// A spool whose log is not open yet.
fn on_a_faulty_disk() -> (tempfile::TempDir, Wire, Arc<Faulty>, Running) {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let disk = Arc::default();
    let running = Running::over(open_on(&disk, folder.path()), &wire, &config());
    (folder, wire, disk, running)
}

#[tokio::test]
async fn a_full_disk_refuses_and_takes_again_when_it_has_room() {
    let (_folder, wire, disk, running) = on_a_faulty_disk();
    assert!(is_spooled(&running.put(0, "a").await));
    disk.is_full.store(true, Ordering::SeqCst);
    let refused = running.send(0, "b").await;
    assert!(
        matches!(refused, Err(DeliveryError::Rejected(_))),
        "{refused:?}"
    );
    // At once, or, where the disk was just tried again, by that.
    match running.spool.send(record(0, "c")) {
        Err(error) => assert_eq!(error.why, SpoolRefusal::Spool(NotAccepted::Full)),
        Ok(delivery) => assert!(matches!(delivery.await, Err(DeliveryError::Rejected(_)))),
    }
    disk.is_full.store(false, Ordering::SeqCst);
    until("the disk is tried again", || {
        running.spool.status().disk == DiskState::Well
    })
    .await;
    assert!(is_spooled(&running.put(0, "d").await));
    running.spool.open();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), ["a", "d"]);
}

#[tokio::test]
async fn a_failed_sync_acknowledges_nothing_and_loses_nothing_that_was_acknowledged() {
    let (folder, wire, disk, running) = on_a_faulty_disk();
    assert!(is_spooled(&running.put(0, "a").await));
    disk.syncs_fail.store(true, Ordering::SeqCst);
    let unknown = running.send(0, "b").await;
    assert!(
        matches!(unknown, Err(DeliveryError::Unknown(_))),
        "{unknown:?}"
    );
    let refused = running.spool.send(record(0, "c")).unwrap_err();
    assert_eq!(refused.why, SpoolRefusal::Spool(NotAccepted::NoDisk));
    // What was acknowledged is still shipped, and then the log alone goes on.
    running.spool.open();
    until("what is safe is shipped", || running.spool.is_empty()).await;
    assert!(!is_spooled(&running.put(0, "d").await));
    assert_eq!(wire.values(0), ["a", "d"]);
    disk.syncs_fail.store(false, Ordering::SeqCst);
    running.kill().await;
    let running = Running::opened(folder.path(), &wire, &config());
    // It stands behind what the disk may still hold.
    running.put(0, "e").await;
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.first_copies(0).last().unwrap(), "e");
}

/// The log got what the disk lost.
#[tokio::test]
async fn what_flies_needs_no_disk() {
    let (_folder, wire, disk, running) = on_a_faulty_disk();
    running.spool.open();
    wire.cut();
    disk.syncs_fail.store(true, Ordering::SeqCst);
    let flying = running.send(0, "a");
    until("the disk fails", || {
        running.spool.status().disk == DiskState::Failed
    })
    .await;
    wire.mend();
    assert!(!is_spooled(&flying.await.unwrap()));
}

#[tokio::test]
async fn a_folder_is_one_processes_own() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::start(folder.path(), &wire, &config());
    let Err(held) = SpoolFolder::open(folder.path(), "t") else {
        panic!("two have it open");
    };
    assert!(held.is_held(), "{held}");
    running.kill().await;
    assert!(SpoolFolder::open(folder.path(), "t").is_ok());
}

#[tokio::test]
async fn records_of_other_topics_are_not_shipped_by_mistake() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::start(folder.path(), &wire, &config());
    running.put(0, "a").await;
    running.kill().await;
    let Err(other) = SpoolFolder::open(folder.path(), "another generation") else {
        panic!("it was opened");
    };
    assert!(other.to_string().contains("another folder"), "{other}");
}
