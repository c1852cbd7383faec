//! What holds wherever a spool is kept.

use crate::{
    backends::{Backend, TOPICS, all},
    wire::{Running, Wire, config, is_spooled, options, record, until},
};
use event_log::{Log, embedded};
use spool::{SpoolMedium, SpoolSite, adopt};
use std::{sync::Arc, time::Duration};

const LIMIT: Duration = Duration::from_secs(20);

/// Only the publisher is asked for anything.
pub fn over(wire: &Wire, folder: &tempfile::TempDir) -> Log {
    let (log, _) = embedded::open_log(folder.path(), embedded::Options::default()).unwrap();
    Log {
        publisher: Arc::new(wire.clone()),
        ..log
    }
}

pub async fn own(site: &dyn SpoolSite) -> Arc<dyn SpoolMedium> {
    site.take_own(TOPICS).await.unwrap()
}

/// Waits until nobody looks after the one spool that there is.
pub async fn adopted(site: &dyn SpoolSite) -> Arc<dyn SpoolMedium> {
    let adopting = async {
        loop {
            for name in site.list().await.unwrap() {
                if let Some(medium) = site.take_over(&name, TOPICS).await.unwrap() {
                    return medium;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, adopting).await;
    in_time.expect("nobody may ship the spool")
}

/// Waits until the spool says that somebody looks after it.
async fn held(site: &dyn SpoolSite, name: &str) {
    let looking = async {
        while !site.look_at(name, Some(TOPICS)).await.unwrap().is_held {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(LIMIT, looking).await;
    in_time.expect("the owner says that it looks after its spool");
}

pub fn numbers(values: impl Iterator<Item = u32>) -> Vec<String> {
    values.map(|n| n.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_ships_what_a_killed_one_had_acknowledged() {
    for kind in all() {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        let embedded = tempfile::tempdir().unwrap();
        let log = over(&wire, &embedded);
        let medium = own(backend.site(None).as_ref()).await;
        medium.keep_before(&record(1, "definitions")).await.unwrap();
        let running = Running::on(medium, &wire, &config());
        for n in 0..300_u32 {
            assert!(
                is_spooled(&running.put(0, &n.to_string()).await),
                "{kind:?}"
            );
        }
        running.kill().await;
        let site = backend.site(None);
        let dead = adopted(site.as_ref()).await;
        assert_eq!(dead.found().count(), 300, "{kind:?}");
        assert!(
            dead.found().oldest.is_some() && dead.found().bytes > 0,
            "{kind:?}"
        );
        let shipped = adopt::ship_spool(dead, &log, options(&config()), LIMIT)
            .await
            .unwrap();
        assert_eq!(
            (shipped.records, shipped.shipped.through),
            (300, 300),
            "{kind:?}"
        );
        assert_eq!(shipped.shipped.furthest[&0], 299);
        let definitions = std::iter::once("definitions".to_owned());
        let expected: Vec<_> = definitions.chain(numbers(0..300)).collect();
        assert_eq!(wire.arrived(), expected, "{kind:?}");
        let again = adopted(site.as_ref()).await;
        assert_eq!(again.found().count(), 0, "{kind:?}: it was shipped already");
        assert_eq!(again.found().shipped.furthest[&0], 299, "{kind:?}");
    }
}

/// Starts, takes, is killed, and starts again with nothing but its name, all while the log is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_keeps_its_name_keeps_its_order_through_kills() {
    for kind in all() {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        wire.cut();
        let (mut acknowledged, mut n) = (Vec::new(), 0_u32);
        for life in 0..6 {
            let medium = own(backend.site(Some("gateway-0")).as_ref()).await;
            let running = Running::on(medium, &wire, &config());
            if life % 2 == 0 {
                running.spool.open();
            }
            running.take_some_and_die(&mut acknowledged, &mut n).await;
            wire.lose_sight();
        }
        wire.mend();
        let medium = own(backend.site(Some("gateway-0")).as_ref()).await;
        let running = Running::on(medium, &wire, &config());
        running.spool.open();
        let last = running.send(0, &n.to_string());
        until("everything is shipped", || running.spool.is_empty()).await;
        last.await.unwrap();
        wire.has_all_in_order(&acknowledged, &format!("{kind:?}"));
        running.kill().await;
    }
}

/// Two others and the owner ship at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_ships_beside_the_owner_changes_no_order_and_no_byte() {
    for kind in all() {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        let embedded = tempfile::tempdir().unwrap();
        let log = over(&wire, &embedded);
        let owner = Running::on(own(backend.site(None).as_ref()).await, &wire, &config());
        for n in 0..300_u32 {
            owner.put(0, &n.to_string()).await;
        }
        let site = backend.site(None);
        let name = site.list().await.unwrap().remove(0);
        held(site.as_ref(), &name).await;
        let ship = async || {
            let seen = site.look_at(&name, Some(TOPICS)).await.unwrap();
            adopt::ship_spool(seen.medium, &log, options(&config()), LIMIT)
                .await
                .unwrap()
        };
        owner.spool.open();
        let (one, other) = tokio::join!(ship(), ship());
        assert!(one.records <= 300 && other.records <= 300, "{kind:?}");
        until("the owner is done", || owner.spool.is_empty()).await;
        assert_eq!(wire.first_copies(0), numbers(0..300), "{kind:?}");
        let mut copies: Vec<_> = wire
            .records(0)
            .iter()
            .map(|record| format!("{record:?}"))
            .collect();
        copies.sort();
        copies.dedup();
        assert_eq!(
            copies.len(),
            300,
            "{kind:?}: a copy is not byte for byte the same"
        );
        owner.kill().await;
    }
}

/// A gateway seemed to be dead while it was frozen: its spool is shipped and let go of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shipped_for_good_is_not_opened_again() {
    for kind in all() {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        wire.cut();
        let running = Running::on(
            own(backend.site(Some("one")).as_ref()).await,
            &wire,
            &config(),
        );
        running.spool.open();
        for n in 0..50_u32 {
            running.put(0, &n.to_string()).await;
        }
        wire.mend();
        until("it is let go of", || {
            running.spool.status().shipped.through == 50
        })
        .await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let id = running.spool.id();
        running.kill().await;
        let medium = own(backend.site(Some("one")).as_ref()).await;
        assert_eq!((medium.id(), medium.found().count()), (id, 0), "{kind:?}");
        let running = Running::on(medium, &wire, &config());
        running.spool.open();
        running.put(0, "50").await;
        assert_eq!(wire.values(0), numbers(0..51), "{kind:?}");
        running.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_other_topics_are_not_shipped_by_mistake() {
    for kind in all() {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        let running = Running::on(
            own(backend.site(Some("one")).as_ref()).await,
            &wire,
            &config(),
        );
        running.put(0, "a").await;
        running.kill().await;
        let Err(other) = backend
            .site(Some("one"))
            .take_own("another generation")
            .await
        else {
            panic!("{kind:?}: it was opened");
        };
        assert!(
            other.to_string().contains("another folder"),
            "{kind:?}: {other}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_in_peace_leaves_its_spool_to_others_at_once() {
    for kind in all() {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        let medium = own(backend.site(None).as_ref()).await;
        let running = Running::on(medium.clone(), &wire, &config());
        running.put(0, "a").await;
        medium.close().await;
        drop(medium);
        running.kill().await;
        let site = backend.site(None);
        let name = site.list().await.unwrap().remove(0);
        // A folder's files may be closing yet; nothing here lasts as long as a lease.
        let taken = async {
            loop {
                match site.take_over(&name, TOPICS).await.unwrap() {
                    Some(taken) => break taken,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        let taken = tokio::time::timeout(Duration::from_secs(2), taken).await;
        assert_eq!(taken.unwrap().found().count(), 1, "{kind:?}");
    }
}
