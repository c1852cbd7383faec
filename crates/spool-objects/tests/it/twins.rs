//! Two processes that take themselves for the same gateway, and one that wakes long after another took
//! its spool.

use crate::{
    backends::{Backend, Kind, TIMINGS},
    contract::{adopted, numbers, over, own},
    wire::{Running, Wire, config, is_spooled, options, record, until},
};
use event_log::DeliveryError;
use spool::{SpoolRefusal, adopt, machine::NotAccepted, medium::FoundAt};
use spool_objects::Timings;
use std::{collections::HashSet, time::Duration};

const SHARED: [Kind; 4] = [Kind::Memory, Kind::Local, Kind::S3, Kind::Cassandra];
const LIMIT: Duration = Duration::from_secs(20);

/// The one that started later has the spool; the other acknowledges nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_with_one_name_the_later_writes_and_the_other_acknowledges_nothing() {
    for kind in SHARED {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        wire.cut();
        let first = Running::on(
            own(backend.site(Some("twin")).as_ref()).await,
            &wire,
            &config(),
        );
        for n in 0..10_u32 {
            assert!(is_spooled(&first.put(0, &n.to_string()).await));
        }
        let second = Running::on(
            own(backend.site(Some("twin")).as_ref()).await,
            &wire,
            &config(),
        );
        let cut_off = first.send(0, "cut off").await;
        assert!(
            matches!(cut_off, Err(DeliveryError::Unknown(_))),
            "{kind:?}: {cut_off:?}"
        );
        until("the first takes nothing more", || {
            let refused = first.spool.send(record(0, "no"));
            refused.is_err_and(|error| error.why == SpoolRefusal::Spool(NotAccepted::NoDisk))
        })
        .await;
        until("it is said why", || {
            let why = first.spool.status().disk_why;
            why.is_some_and(|why| why.contains("another"))
        })
        .await;
        // What the first left in its way is passed over.
        assert!(is_spooled(&second.put(0, "10").await), "{kind:?}");
        wire.mend();
        second.spool.open();
        until("everything is shipped", || second.spool.is_empty()).await;
        let mut values = wire.first_copies(0);
        // It was not acknowledged: it may be there, or not.
        values.retain(|value| value != "cut off");
        assert_eq!(values, numbers(0..11), "{kind:?}");
    }
}

/// Groups of the same number, written at the same time by two that both believe to be the writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_either_of_two_writers_acknowledges_is_kept() {
    for kind in SHARED {
        let backend = Backend::start(kind).await;
        let (one, other) = (Wire::default(), Wire::default());
        let first = Running::on(
            own(backend.site(Some("twin")).as_ref()).await,
            &one,
            &config(),
        );
        let second = Running::on(
            own(backend.site(Some("twin")).as_ref()).await,
            &other,
            &config(),
        );
        let mut acknowledged = HashSet::new();
        for n in 0..20 {
            for (name, running) in [("first", &first), ("second", &second)] {
                let value = format!("{name} {n}");
                if let Ok(sent) = running.spool.send(record(0, &value))
                    && sent.await.is_ok_and(|safe| is_spooled(&safe))
                {
                    acknowledged.insert(value);
                }
            }
        }
        assert!(!acknowledged.is_empty(), "{kind:?}");
        first.kill().await;
        second.kill().await;
        let medium = own(backend.site(Some("twin")).as_ref()).await;
        let mut kept = HashSet::new();
        let mut next = medium.found().earliest;
        while let FoundAt::Records(records) = medium.read(next, 512).await.unwrap() {
            if records.is_empty() {
                break;
            }
            next += records.len() as u64;
            kept.extend(
                records
                    .iter()
                    .map(|spooled| crate::wire::text(&spooled.record)),
            );
        }
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "{kind:?}: {lost:?}");
    }
}

/// A frozen process wakes when another with its name wrote, shipped and let go of more groups than it
/// knows: nothing keeps it from writing the next one that it knows of, and nobody would read it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_below_what_was_let_go_of_is_not_acknowledged() {
    for kind in SHARED {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        wire.cut();
        let frozen = Running::on(
            own(backend.site(Some("twin")).as_ref()).await,
            &wire,
            &config(),
        );
        frozen.put(0, "0").await;
        let awake = Running::on(
            own(backend.site(Some("twin")).as_ref()).await,
            &Wire::default(),
            &config(),
        );
        for n in 1..6_u32 {
            awake.put(0, &n.to_string()).await;
        }
        awake.spool.open();
        until("it is shipped", || awake.spool.is_empty()).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        awake.kill().await;
        let late = frozen.send(0, "late").await;
        assert!(
            matches!(late, Err(DeliveryError::Unknown(_))),
            "{kind:?}: {late:?}"
        );
    }
}

/// Its spool was adopted, shipped and let go of while it was frozen: it goes on behind that, and
/// doubles nothing in effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_gateway_wakes_after_its_spool_was_adopted_and_goes_on() {
    for kind in SHARED {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        let embedded = tempfile::tempdir().unwrap();
        let log = over(&wire, &embedded);
        // It does not say that it is there.
        let silent = Timings {
            beat: Duration::from_secs(3_600),
            ..TIMINGS
        };
        let site = backend.site_with(None, silent);
        let frozen = Running::on(own(&site).await, &wire, &config());
        for n in 0..40_u32 {
            assert!(is_spooled(&frozen.put(0, &n.to_string()).await));
        }
        let dead = adopted(backend.site(None).as_ref()).await;
        let shipped = adopt::ship_spool(dead, &log, options(&config()), LIMIT);
        let shipped = shipped.await.unwrap();
        assert_eq!(shipped.records, 40, "{kind:?}");
        assert!(is_spooled(&frozen.put(0, "40").await), "{kind:?}");
        frozen.spool.open();
        until("everything is shipped", || frozen.spool.is_empty()).await;
        assert_eq!(wire.values(0), numbers(0..41), "{kind:?}");
        let furthest = frozen.spool.shipped_so_far();
        assert_eq!(
            (furthest.through, furthest.furthest[&0]),
            (41, 40),
            "{kind:?}"
        );
        frozen.kill().await;
    }
}

/// Empty spools are removed after days, also that of a gateway that had nothing to spool for so long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_that_was_removed_while_it_was_empty_goes_on() {
    for kind in SHARED {
        let (backend, wire) = (Backend::start(kind).await, Wire::default());
        let medium = own(backend.site(None).as_ref()).await;
        medium.keep_before(&record(1, "definitions")).await.unwrap();
        let running = Running::on(medium, &wire, &config());
        for n in 0..5_u32 {
            running.put(0, &n.to_string()).await;
        }
        running.spool.open();
        until("everything is shipped", || running.spool.is_empty()).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        remove_everything(&backend, &running.spool.id().to_string()).await;
        wire.cut();
        for n in 5..8_u32 {
            assert!(
                is_spooled(&running.put(0, &n.to_string()).await),
                "{kind:?}"
            );
        }
        running.kill().await;
        let dead = adopted(backend.site(None).as_ref()).await;
        let found = dead.found();
        assert_eq!((found.earliest, found.end), (5, 8), "{kind:?}");
        assert_eq!(dead.before().await.unwrap().len(), 1, "{kind:?}");
    }
}

async fn remove_everything(backend: &Backend, spool: &str) {
    let (blobs, folder) = (backend.blobs(), backend.folder_of(spool));
    let mut names = Vec::new();
    for kind in ["", "/records", "/shipped", "/before"] {
        let listed = blobs.list_blobs(&format!("{folder}{kind}")).await;
        names.extend(listed.unwrap().into_iter().map(|blob| blob.name));
    }
    assert!(names.len() > 2, "{names:?}");
    blobs.remove_blobs(names).await.unwrap();
}
