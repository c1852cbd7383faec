//! The log is away: what is young waits, what is old is made durable, and all of it arrives in the
//! order of the calls, whatever happens to the process in between.

use crate::wire::{Running, Wire, config, is_spooled, until};
use spool::{Acknowledged, Config, SpoolDurability, SpoolRefusal, machine::NotAccepted};

#[tokio::test]
async fn a_log_that_is_there_is_all_that_is_needed() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::opened(folder.path(), &wire, &config());
    for n in 0..50 {
        let acknowledged = running.put(0, &n.to_string()).await;
        assert!(matches!(acknowledged, Acknowledged::Logged(at) if at.offset == n));
    }
    assert_eq!(
        running.spool.status().shipped.through,
        0,
        "the disk was touched"
    );
    assert!(running.spool.is_empty());
}

#[tokio::test]
async fn what_grows_old_is_spooled_and_what_comes_later_goes_behind_it() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::opened(folder.path(), &wire, &config());
    assert!(!is_spooled(&running.put(0, "0").await));
    wire.cut();
    // More than the log's queue holds.
    for n in 1..600_u32 {
        assert!(
            is_spooled(&running.put((n % 2) as u16, &n.to_string()).await),
            "{n}"
        );
    }
    let status = running.spool.status();
    assert_eq!((status.records, status.is_spooling), (599, true));
    assert!(status.bytes > 0 && status.oldest.is_some());
    wire.mend();
    let last = running.send(1, "601");
    until("everything is shipped", || running.spool.is_empty()).await;
    last.await.unwrap();
    let expected = |rest| {
        (0..600)
            .filter(move |n| n % 2 == rest)
            .map(|n| n.to_string())
    };
    assert_eq!(wire.values(0), expected(0).collect::<Vec<_>>());
    assert_eq!(
        wire.values(1),
        expected(1).chain(["601".into()]).collect::<Vec<_>>()
    );
    until("the log alone is used again", || {
        !running.spool.status().is_spooling
    })
    .await;
    assert!(!is_spooled(&running.put(0, "602").await));
    let status = running.spool.status();
    assert_eq!((status.records, status.bytes, status.oldest), (0, 0, None));
    until("the places are known", || {
        let furthest = running.spool.status().shipped.furthest;
        furthest.len() == 2 && furthest[&0] == 299
    })
    .await;
}

/// Starts, takes, is killed, and starts again, all while the log is away.
#[tokio::test]
async fn kills_while_the_log_is_away_lose_and_reorder_nothing() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    wire.cut();
    let (mut acknowledged, mut n) = (Vec::new(), 0_u32);
    for life in 0..30 {
        let running = Running::start(folder.path(), &wire, &config());
        if life % 3 == 0 {
            running.spool.open();
        }
        running.take_some_and_die(&mut acknowledged, &mut n).await;
        // The log may have got some of what flew.
        wire.lose_sight();
    }
    wire.mend();
    let running = Running::opened(folder.path(), &wire, &config());
    until("everything is shipped", || running.spool.is_empty()).await;
    wire.has_all_in_order(&acknowledged, "a folder");
}

#[tokio::test]
async fn what_was_shipped_is_not_shipped_again_after_a_restart() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    wire.cut();
    let running = Running::opened(folder.path(), &wire, &config());
    running.put(0, "a").await;
    wire.mend();
    until("it is let go of", || {
        running.spool.status().shipped.through == 1
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let id = running.spool.id();
    running.kill().await;
    let running = Running::opened(folder.path(), &wire, &config());
    assert_eq!(running.spool.id(), id);
    running.put(0, "b").await;
    assert_eq!(wire.values(0), ["a", "b"]);
    assert_eq!(running.spool.status().shipped.furthest[&0], 0);
}

#[tokio::test]
async fn a_record_that_the_log_lost_sight_of_is_shipped_again_with_all_behind_it() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::opened(folder.path(), &wire, &config());
    wire.cut();
    for value in ["a", "b", "c"] {
        assert!(is_spooled(&running.put(0, value).await));
    }
    wire.lose_sight();
    wire.mend();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), ["a", "a", "b", "c"]);
}

#[tokio::test]
async fn at_the_cap_records_are_refused_and_none_is_dropped() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let config = Config {
        cap_bytes: 2_000,
        ..config()
    };
    let running = Running::opened(folder.path(), &wire, &config);
    wire.cut();
    let (mut taken, mut refused) = (Vec::new(), 0);
    for n in 0..100 {
        match running.spool.send(crate::wire::record(0, &n.to_string())) {
            Ok(delivery) => {
                assert!(is_spooled(&delivery.await.unwrap()));
                taken.push(n.to_string());
            }
            Err(error) => {
                assert_eq!(error.why, SpoolRefusal::Spool(NotAccepted::Full));
                refused += 1;
            }
        }
    }
    assert!(taken.len() > 10 && refused > 10, "{taken:?}");
    wire.mend();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), taken);
    running.put(0, "again").await;
}

#[tokio::test]
async fn a_disk_with_less_than_the_reserve_refuses() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let config = Config {
        reserve_bytes: u64::MAX,
        ..config()
    };
    let running = Running::opened(folder.path(), &wire, &config);
    until("the disk was looked at", || {
        running.spool.status().disk == spool::machine::DiskState::Full
    })
    .await;
    running.put(0, "the log takes it").await;
    wire.cut();
    let old = running.send(0, "too old for memory");
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    let refused = running
        .spool
        .send(crate::wire::record(0, "no"))
        .unwrap_err();
    assert_eq!(refused.why, SpoolRefusal::Spool(NotAccepted::Full));
    wire.mend();
    assert!(!is_spooled(&old.await.unwrap()));
}

#[tokio::test]
async fn spool_first_answers_when_the_disk_has_it() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let config = Config {
        durability: SpoolDurability::SpoolFirst,
        after_millis: 1_000_000,
        ..config()
    };
    wire.cut();
    let running = Running::opened(folder.path(), &wire, &config);
    assert!(is_spooled(&running.put(0, "a").await));
    wire.mend();
    until("it is shipped", || wire.values(0) == ["a"]).await;
}

/// No outage to spool behind.
#[tokio::test]
async fn a_log_that_denies_the_gateway_is_told_as_that() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::opened(folder.path(), &wire, &config());
    wire.deny("wrong password");
    let refused = running.spool.send(crate::wire::record(0, "a")).unwrap_err();
    assert_eq!(refused.why, SpoolRefusal::Denied("wrong password".into()));
}
