//! Spools of gateways that died, and what a folder is on.

use super::*;
use event_log::{CleanupPolicy, TopicSpec, embedded};
use event_schema::topics::{CATALOG, Topic};
use spool::Acknowledged;
use store::spools::{self, HoldingSpool};

/// The spool knows no events, and workers know no spools.
#[test]
fn workers_recognise_what_stands_in_for_an_event() {
    let header = event_schema::codec::UNSHIPPABLE_HEADER;
    assert_eq!(spool::UNSHIPPABLE, header);
}

#[test]
fn the_nearest_mount_says_what_a_folder_is_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().canonicalize().unwrap();
    let mounts = format!(
        "overlay / overlay rw 0 0\n/dev/vda1 {} ext4 rw 0 0\ntmpfs /elsewhere tmpfs rw 0 0\n",
        at.display()
    );
    let inside = at.join("inside");
    fs::create_dir(&inside).unwrap();
    assert_eq!(file_system_of(&mounts, &inside).as_deref(), Some("ext4"));
    assert_eq!(
        file_system_of(&mounts, Path::new("/")).as_deref(),
        Some("overlay")
    );
}

fn record(layout: &Layout, topic: &Topic) -> NewRecord {
    NewRecord {
        topic: layout.name(topic).into(),
        partition: 0,
        key: Some("key".into()),
        value: Some("{}".into()),
        headers: Vec::new(),
    }
}

async fn log(folder: &Path, layout: &Layout) -> Log {
    let (log, handle) = embedded::open_log(folder, embedded::Options::default()).unwrap();
    // It closes with the process.
    std::mem::forget(handle);
    let spec = |topic| TopicSpec {
        name: layout.name(topic),
        partitions: 1,
        cleanup: CleanupPolicy::Keep,
        record_limit: 1 << 20,
        durable: false,
    };
    let specs = [spec(&TRANSACTIONS), spec(&CATALOG)];
    assert!(log.admin.create(&specs).await.unwrap().is_empty());
    log
}

/// A gateway takes a write, and is gone before its log is there.
async fn die_with_a_record(
    site: &dyn SpoolSite,
    settings: &Settings,
    log: &Log,
    layout: &Layout,
) -> SpoolId {
    let definitions = record(layout, &CATALOG);
    let dead = open_spool(site, settings, log, &definitions, &Health::default()).await;
    let dead = dead.unwrap();
    let (stop, until_stopped) = Shutdown::manual();
    let running = runtime::spawn("dead", dead.clone().run(until_stopped));
    let taken = dead.send(record(layout, &TRANSACTIONS)).unwrap().await;
    assert!(
        matches!(taken, Ok(Acknowledged::Spooled(_))),
        "it was {taken:?}"
    );
    stop.hard();
    running.await.unwrap();
    dead.id()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_ships_what_a_dead_one_beside_it_left_once_the_log_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        spool: spool::Config {
            folder: Some(folder.path().join("spools")),
            reserve_bytes: 0,
            adopt_seconds: 1,
            ..spool::Config::default()
        },
        ..Settings::default()
    };
    let layout = settings.topics.layout();
    let log = log(&folder.path().join("log"), &layout).await;
    let definitions = record(&layout, &CATALOG);
    let site = site(&settings).unwrap().unwrap();
    let own = open_spool(
        site.as_ref(),
        &settings,
        &log,
        &definitions,
        &Health::default(),
    )
    .await;
    let own = own.unwrap();
    let dead = die_with_a_record(site.as_ref(), &settings, &log, &layout).await;
    let data = folder.path().join("stores");
    let stores = standalone::folder::Folder::open(data).await.unwrap();
    let row = HoldingSpool {
        since: 1,
        until: i64::MAX,
    };
    for spool in [own.id(), dead].map(|id| id.to_string()) {
        let set = spools::set_holding(stores.record.as_ref(), &spool, &row);
        set.await.unwrap();
    }
    let rows = async || {
        spools::holding_spools(stores.record.as_ref(), 2)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(rows().await, 2);
    let (found, durability) = watch::channel(None);
    let (stop, until_stopped) = Shutdown::manual();
    let adoption = SpoolAdoption {
        site,
        own,
        settings: settings.clone(),
        log: log.clone(),
        record: stores.record.clone(),
    };
    let adopting = runtime::spawn("adopting", adoption.run(durability, until_stopped));
    let shipped = async |topic: &Topic| {
        let offsets = log.admin.offsets(&layout.name(topic), 0).await;
        offsets.unwrap().end
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(shipped(&CATALOG).await, 0, "nobody knows the log yet");
    found.send_replace(Some(Durability::Logged));
    let adopted = async {
        while shipped(&TRANSACTIONS).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), adopted).await;
    in_time.expect("the dead gateway's spool is shipped");
    assert_eq!(shipped(&CATALOG).await, 1);
    // Only the row of the spool that was shipped is taken away: the other one may hold something.
    let gone = async {
        while rows().await == 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), gone).await;
    in_time.expect("the row of the spool that was shipped is taken away");
    assert_eq!(rows().await, 1);
    stop.soft();
    adopting.await.unwrap();
    assert_eq!(shipped(&TRANSACTIONS).await, 1, "it was shipped twice");
}

#[tokio::test(start_paused = true)]
async fn a_spool_in_tables_that_forget_is_told_once_the_record_store_answers() {
    use std::sync::atomic::{AtomicU32, Ordering};
    for (forgets, told) in [(Some(Duration::from_secs(60)), 1), (None, 0)] {
        let (health, asked) = (Health::default(), AtomicU32::new(0));
        let may_forget = || {
            let is_away = asked.fetch_add(1, Ordering::SeqCst) < 2;
            let away = StoreError::Unavailable {
                store: "cassandra",
                why: "away".to_owned(),
            };
            std::future::ready(if is_away { Err(away) } else { Ok(forgets) })
        };
        let (_stop, shutdown) = Shutdown::manual();
        say_forgetful(may_forget, health.clone(), shutdown).await;
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        let weakened = health.report().weakened;
        assert_eq!(weakened.len(), told, "{weakened:?}");
        assert!(weakened.iter().all(|it| it.component == "spool"));
    }
}

#[test]
fn only_a_location_in_cassandra_is_in_the_records_tables() {
    for (location, is_table) in [("cassandra://one", true), ("s3://bucket/one", false)] {
        let mut settings = Settings::default();
        assert!(!is_in_tables(&settings));
        settings.spool.location = Some(location.to_owned());
        assert_eq!(is_in_tables(&settings), is_table, "{location}");
    }
}
