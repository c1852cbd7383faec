//! Spools of processes that died, or are frozen, shipped by others: once, twice, at the same time.

use crate::wire::{Running, Wire, config, options, record};
use event_log::{Log, embedded};
use spool::{SpoolFolder, adopt};
use std::{fs, path::Path, sync::Arc, time::Duration};

const LIMIT: Duration = Duration::from_secs(10);

/// Only the publisher is asked for anything.
async fn over(wire: &Wire) -> (tempfile::TempDir, Log) {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = embedded::open_log(folder.path(), embedded::Options::default()).unwrap();
    let log = Log {
        publisher: Arc::new(wire.clone()),
        ..log
    };
    (folder, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_spool_is_shipped_with_what_it_stands_on_first() {
    let (root, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let (_embedded, log) = over(&wire).await;
    let dead = root.path().join("dead");
    let folder = SpoolFolder::open(&dead, "t").unwrap();
    folder.keep_before(&record(1, "definitions")).unwrap();
    folder.keep_before(&record(1, "definitions")).unwrap();
    let running = Running::over(folder, &wire, &config());
    for n in 0..300 {
        running.put(0, &n.to_string()).await;
    }
    running.kill().await;
    assert_eq!(
        adopt::find_spools(root.path()).unwrap(),
        std::slice::from_ref(&dead)
    );
    let folder = SpoolFolder::open(&dead, "t").unwrap();
    let shipped = adopt::ship_spool(folder, &log, options(&config()), LIMIT)
        .await
        .unwrap();
    assert_eq!((shipped.records, shipped.shipped.through), (300, 300));
    assert_eq!(shipped.shipped.furthest[&0], 299);
    let definitions = std::iter::once("definitions".to_owned());
    let expected: Vec<_> = definitions.chain((0..300).map(|n| n.to_string())).collect();
    assert_eq!(wire.arrived(), expected);
    let again = SpoolFolder::open(&dead, "t").unwrap();
    let shipped = adopt::ship_spool(again, &log, options(&config()), LIMIT)
        .await
        .unwrap();
    assert_eq!(shipped.records, 0, "it was shipped already");
}

/// The log takes it between two times at which a spool lets go by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shipped_is_gone_when_the_folder_is_free_again() {
    let (root, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let (_embedded, log) = over(&wire).await;
    let running = Running::start(root.path(), &wire, &config());
    running.put(0, "a").await;
    running.kill().await;
    wire.cut();
    let folder = SpoolFolder::open(root.path(), "t").unwrap();
    let shipping = adopt::ship_spool(folder, &log, options(&config()), LIMIT);
    let mending = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        wire.mend();
    };
    let (shipped, ()) = tokio::join!(shipping, mending);
    assert_eq!(shipped.unwrap().records, 1);
    let found = SpoolFolder::open(root.path(), "t").unwrap().found;
    assert_eq!((found.earliest, found.end), (1, 1));
}

/// As an operator would whose gateway is frozen.
fn copy(path: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "lock" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A frozen owner holds its folder: others ship a copy, and it does no harm when it wakes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_are_shipped_at_the_same_time_and_first_copies_keep_their_order() {
    let (root, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let (_embedded, log) = over(&wire).await;
    let frozen = Running::start(&root.path().join("frozen"), &wire, &config());
    for n in 0..300 {
        frozen.put(0, &n.to_string()).await;
    }
    let ship = |name: &str| {
        let (to, log) = (root.path().join(name), log.clone());
        copy(&root.path().join("frozen"), &to);
        let folder = SpoolFolder::open(&to, "t").unwrap();
        async move {
            adopt::ship_spool(folder, &log, options(&config()), LIMIT)
                .await
                .unwrap()
        }
    };
    let (one, other) = (ship("one"), ship("other"));
    frozen.spool.open();
    let (one, other) = tokio::join!(one, other);
    assert_eq!((one.records, other.records), (300, 300));
    crate::wire::until("the owner is done", || frozen.spool.is_empty()).await;
    let expected: Vec<_> = (0..300).map(|n| n.to_string()).collect();
    assert_eq!(wire.first_copies(0), expected);
    assert_eq!(wire.values(0).len(), 900);
    let bytes = |record: &event_log::NewRecord| format!("{record:?}");
    let mut copies: Vec<_> = wire.records(0).iter().map(bytes).collect();
    copies.sort();
    copies.dedup();
    assert_eq!(copies.len(), 300, "a copy is not byte for byte the same");
}

#[tokio::test]
async fn a_new_process_takes_a_free_spool_and_leaves_one_that_is_held() {
    let root = tempfile::tempdir().unwrap();
    let first = adopt::take_or_make(root.path(), "t").unwrap();
    let second = adopt::take_or_make(root.path(), "t").unwrap();
    assert_ne!(first.id(), second.id());
    let id = first.id();
    drop(first);
    assert_eq!(adopt::take_or_make(root.path(), "t").unwrap().id(), id);
}
