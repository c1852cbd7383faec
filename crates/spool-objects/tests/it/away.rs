//! The store is away, or does not say whether it took a group: nothing is dropped, nothing is written
//! twice, and what cannot be taken is refused by its name.

use crate::{
    backends::{faulty, object_site},
    contract::{numbers, own},
    wire::{Running, Wire, config, is_spooled, record, until},
};
use futures::TryStreamExt;
use object_store::{ObjectStore, path::Path};
use spool::{
    SpoolRefusal,
    machine::{DiskState, NotAccepted},
};
use std::sync::{Arc, atomic::Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_writes_are_refused_and_none_that_was_taken_is_lost() {
    let (store, wire) = (faulty(), Wire::default());
    wire.cut();
    let running = Running::on(
        own(&object_site(store.clone(), None)).await,
        &wire,
        &config(),
    );
    running.spool.open();
    assert!(is_spooled(&running.put(0, "0").await));
    store.set_away(true);
    let taken: Vec<_> = (1..4_u32)
        .map(|n| running.send(0, &n.to_string()))
        .collect();
    until("the store is known to be away", || {
        running.spool.status().disk == DiskState::Away
    })
    .await;
    let refused = running.spool.send(record(0, "no")).unwrap_err();
    assert_eq!(refused.why, SpoolRefusal::Spool(NotAccepted::Away));
    let status = running.spool.status();
    assert!(
        status
            .disk_why
            .is_some_and(|why| why.contains("does not answer"))
    );
    store.set_away(false);
    for delivery in taken {
        assert!(
            is_spooled(&delivery.await.unwrap()),
            "it was taken, and is safe now"
        );
    }
    until("the store is known to be back", || {
        running.spool.status().disk == DiskState::Well
    })
    .await;
    assert!(is_spooled(&running.put(0, "4").await));
    wire.mend();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), numbers(0..5));
}

/// The log is all that is needed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_keeps_nothing_from_a_log_that_is_there() {
    let (store, wire) = (faulty(), Wire::default());
    store.set_away(true);
    let running = Running::on(own(&object_site(store, None)).await, &wire, &config());
    running.spool.open();
    for n in 0..20_u32 {
        assert!(!is_spooled(&running.put(0, &n.to_string()).await));
    }
    // Both away, then the log comes back first: what waits in memory is taken by that.
    wire.cut();
    let waiting = running.send(0, "20");
    until("the store is known to be away", || {
        running.spool.status().disk == DiskState::Away
    })
    .await;
    wire.mend();
    assert!(!is_spooled(&waiting.await.unwrap()));
    assert_eq!(wire.values(0), numbers(0..21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_got_lost_makes_no_group_twice_and_no_gap() {
    let (store, wire) = (faulty(), Wire::default());
    wire.cut();
    let site = object_site(store.clone(), Some("one"));
    let running = Running::on(own(&site).await, &wire, &config());
    running.spool.open();
    for n in 0..10_u32 {
        store.lost_answers.store(n % 3, Ordering::SeqCst);
        assert!(is_spooled(&running.put(0, &n.to_string()).await));
    }
    let listed = store.list(Some(&Path::from("spools/one/records")));
    let listed: Vec<_> = listed.try_collect().await.unwrap();
    assert_eq!(listed.len(), 10);
    wire.mend();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), numbers(0..10));
}

/// Many wait for one request, and one request carries them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_come_together_become_safe_together() {
    let (store, wire) = (faulty(), Wire::default());
    store.write_millis.store(10, Ordering::SeqCst);
    let running = Running::on(
        own(&object_site(store.clone(), Some("one"))).await,
        &wire,
        &config(),
    );
    let sent: Vec<_> = (0..5_000_u32)
        .map(|n| running.send(0, &n.to_string()))
        .collect();
    for delivery in sent {
        assert!(is_spooled(&delivery.await.unwrap()));
    }
    let store: Arc<dyn ObjectStore> = store;
    let listed = store.list(Some(&Path::from("spools/one/records")));
    let listed: Vec<_> = listed.try_collect().await.unwrap();
    assert!(
        listed.len() < 250,
        "{} groups of 5,000 records",
        listed.len()
    );
    running.spool.open();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), numbers(0..5_000));
}
