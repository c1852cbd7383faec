//! When stores refuse, go away or forget, when somebody else writes, when nobody can read a record.

use crate::harness::{PARTITIONS, World, applied, unmappable};
use bytes::Bytes;
use event_log::NewRecord;
use event_schema::{
    codec,
    decision::{Change, Open},
    id::EntityKey,
    offset::{ChangesOffset, Epoch},
    outcome::{RefusalCode, Verdict},
    topics,
};
use runtime::State;
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_makes_the_partition_wait_and_fills_no_dead_letters() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    world.resolved(&[first]).await;
    world.faults.record_away.store(true, Ordering::SeqCst);
    let mut ids = Vec::new();
    for n in 1..30 {
        ids.push(world.update("a", json!({"n": n})).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        world
            .real
            .ledger(&ids)
            .await
            .unwrap()
            .iter()
            .all(Option::is_none)
    );
    world.faults.record_away.store(false, Ordering::SeqCst);
    assert!(world.resolved(&ids).await.iter().all(applied));
    assert_eq!(world.body("a").await, Some((30, json!({"n": 29}))));
    assert!(world.dead_letters().await.is_empty());
    worker.stop().await;
}

/// Which partitions wait for which store is told while they do, and no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_waited_for_is_named_while_it_is() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    world.resolved(&[first]).await;
    let shown = |store: &str| {
        let report = worker.health.report();
        match report.components.get(&format!("waits for {store}")) {
            Some(State::Degraded { why }) => Some(why.clone()),
            Some(_) | None => None,
        }
    };
    let until = async |store: &str, is_shown: bool| {
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            while shown(store).is_some() != is_shown {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("it is told in time");
        shown(store)
    };
    world.faults.view_away.store(true, Ordering::SeqCst);
    let second = world.update("a", json!({"n": 1})).await;
    let why = until("view", true).await.unwrap();
    let partition = EntityKey("geo/cities/a".to_owned()).partition(PARTITIONS);
    let named = format!("partitions [{partition}] wait for it: the view is away");
    assert!(why.starts_with(&named), "{why}");
    world.faults.view_away.store(false, Ordering::SeqCst);
    world.resolved(&[second]).await;
    until("view", false).await;

    world.faults.record_away.store(true, Ordering::SeqCst);
    let third = world.update("a", json!({"n": 2})).await;
    until("record", true).await;
    world.faults.record_away.store(false, Ordering::SeqCst);
    world.resolved(&[third]).await;
    until("record", false).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_view_will_never_take_is_voided_and_what_follows_is_decided_anew() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    // All of it waits in the log before a worker comes, so that one batch holds the dead one and
    // those behind it.
    let good = world.create("a", json!({"n": 0})).await;
    let dead = world.update("a", json!({"x": "poison"})).await;
    let behind = world.update("a", json!({"n": 1})).await;
    let other = world.create("b", json!({"n": 7})).await;
    let worker = world.worker("w1");
    let entries = world.resolved(&[good, behind, other]).await;
    assert!(entries.iter().all(applied), "{entries:?}");
    let entry = world.resolved(&[dead]).await.remove(0);
    assert!(unmappable(&entry), "{entry:?}");
    assert_eq!(
        world.body("a").await,
        Some((2, json!({"n": 1}))),
        "the dead update left something behind"
    );
    assert!(
        world.dead_letters().await.is_empty(),
        "clients map this collection themselves: it is theirs to mend"
    );
    // And life goes on.
    let later = world.update("a", json!({"n": 2})).await;
    world.resolved(&[later]).await;
    assert_eq!(world.body("a").await, Some((3, json!({"n": 2}))));
    worker.stop().await;
}

/// Subscribers and whoever waits until all is applied go by marks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_resolved_as_a_partition_is_taken_again_is_marked_though_nothing_follows() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let worker = world.worker("w1");
    let dead = world.create("a", json!({"x": "poison"})).await;
    let entry = world.resolved(&[dead]).await.remove(0);
    assert!(unmappable(&entry), "{entry:?}");
    world.marked(dead).await;
    worker.stop().await;
}

/// A view has no place any more for what was decided before its collection was dropped: that must
/// not hold up the partition for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_collection_does_not_hold_its_partition_up() {
    let world = World::new().await;
    let worker = world.worker("w1");
    world.faults.view_away.store(true, Ordering::SeqCst);
    let decided = world.create("a", json!({"n": 0})).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        world.real.ledger(&[decided]).await.unwrap()[0].is_none(),
        "it waits for the view"
    );
    let old = crate::harness::collection();
    assert_eq!(
        world
            .real
            .drop_collection(&old.index, &old.collection, &old.incarnation)
            .await,
        Ok(true)
    );
    assert!(
        applied(&world.resolved(&[decided]).await[0]),
        "what was decided is applied, as far as there is a place for it"
    );
    world.faults.view_away.store(false, Ordering::SeqCst);
    // The worker must not go on believing in the collection it knew.
    tokio::time::sleep(Duration::from_millis(250)).await;
    let late = [
        world.create("b", json!({"n": 0})).await,
        world.create("a", json!({"n": 0})).await,
        world.update("a", json!({"n": 1})).await,
    ];
    for entry in world.resolved(&late).await {
        assert!(
            matches!(&entry.verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Missing),
            "{entry:?}"
        );
    }
    assert_eq!(world.body("b").await, None);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_creation_leaves_no_document() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let worker = world.worker("w1");
    let dead = world.create("a", json!({"x": "poison"})).await;
    assert!(unmappable(&world.resolved(&[dead]).await[0]));
    assert_eq!(world.body("a").await, None);
    let now = world.create("a", json!({"x": "fine"})).await;
    assert!(applied(&world.resolved(&[now]).await[0]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_was_judged_by_what_never_came_to_be_is_judged_anew() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    // One batch: the second is refused because of the first.
    let dead = world.create("a", json!({"x": "poison"})).await;
    let second = world.create("a", json!({"x": "fine"})).await;
    let worker = world.worker("w1");
    let entries = world.resolved(&[dead, second]).await;
    assert!(unmappable(&entries[0]), "{entries:?}");
    assert!(applied(&entries[1]), "{entries:?}");
    assert_eq!(world.body("a").await, Some((1, json!({"x": "fine"}))));
    worker.stop().await;
}

/// How large a document is that never came to be is no reason to refuse an update: that there is
/// none is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_too_large_beside_what_never_came_to_be_is_judged_anew() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let most = "x".repeat(world.layout.document_limit - 4096);
    let dead = world
        .create("a", json!({"x": format!("poison{most}")}))
        .await;
    let second = world.update("a", json!({"y": most})).await;
    let worker = world.worker("w1");
    let entries = world.resolved(&[dead, second]).await;
    assert!(unmappable(&entries[0]), "{:?}", entries[0].verdict);
    assert!(
        matches!(&entries[1].verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Missing),
        "{:?}",
        entries[1].verdict
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_void_and_end_is_finished_by_the_next_owner() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let mut dead = Vec::new();
    let mut good = Vec::new();
    for n in 0..10 {
        good.push(world.create(&format!("k{n}"), json!({"n": 0})).await);
        dead.push(world.update(&format!("k{n}"), json!({"x": "poison"})).await);
        good.push(world.update(&format!("k{n}"), json!({"n": 1})).await);
    }
    // Cut off again and again, wherever it happens to be.
    for round in 0..12 {
        let worker = world.worker(&format!("w{round}"));
        tokio::time::sleep(Duration::from_millis(10 + 17 * round)).await;
        worker.cut().await;
    }
    let worker = world.worker("last");
    assert!(world.resolved(&good).await.iter().all(applied));
    assert!(world.resolved(&dead).await.iter().all(unmappable));
    for n in 0..10 {
        assert_eq!(
            world.body(&format!("k{n}")).await,
            Some((2, json!({"n": 1}))),
            "k{n}"
        );
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_nobody_can_decode_is_a_dead_letter_and_the_next_is_applied() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let partition = EntityKey("geo/cities/a".into()).partition(crate::harness::PARTITIONS);
    for value in [None, Some(Bytes::from_static(b"\xff\xfe not json"))] {
        let topic = Arc::from(world.layout.name(&topics::TRANSACTIONS));
        let record = NewRecord {
            topic,
            partition,
            key: None,
            value,
            headers: Vec::new(),
        };
        world.log.publisher.send(record).unwrap().await.unwrap();
    }
    // Its id can be read, its value cannot: the ledger says what became of it.
    let (event, id) = world.event(
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "a", "body": {}}),
        None,
    );
    let mut parts = codec::encode_transaction(&event);
    parts.value = Some(Bytes::from_static(b"{\"request\""));
    let topic = Arc::from(world.layout.name(&topics::TRANSACTIONS));
    world
        .log
        .publisher
        .send(NewRecord {
            topic,
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        })
        .unwrap()
        .await
        .unwrap();
    assert!(
        matches!(&world.resolved(&[id]).await[0].verdict, Verdict::DeadLettered(reason) if reason.code == "undecodable_value")
    );
    let next = world.create("a", json!({"n": 1})).await;
    assert!(applied(&world.resolved(&[next]).await[0]));
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 3);
    let made_up =
        |letter: &&event_schema::decision::DeadLetter| letter.key.0.starts_with("(undecodable)/");
    assert_eq!(
        letters.iter().filter(made_up).count(),
        3,
        "no key of theirs can be trusted"
    );
    for letter in &letters {
        assert!(
            matches!(
                world.resolved(&[letter.request]).await[0].verdict,
                Verdict::DeadLettered(_)
            ),
            "the ledger remembers each"
        );
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_finds_a_newer_open_looks_before_it_acts() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    world.resolved(&[first]).await;
    // Somebody else opens every partition, as a new owner would, and is never heard of again.
    for partition in 0..crate::harness::PARTITIONS {
        let parts = codec::encode_change(&Change::Open(Open {
            owner: "ghost".into(),
            time: 0,
        }));
        let topic = Arc::from(world.layout.name(&topics::CHANGES));
        world
            .log
            .publisher
            .send(NewRecord {
                topic,
                partition,
                key: parts.key,
                value: parts.value,
                headers: parts.headers,
            })
            .unwrap()
            .await
            .unwrap();
    }
    let mut ids = Vec::new();
    for n in 1..20 {
        ids.push(world.update("a", json!({"n": n})).await);
    }
    assert!(world.resolved(&ids).await.iter().all(applied));
    assert_eq!(world.body("a").await, Some((20, json!({"n": 19}))));
    for partition in 0..crate::harness::PARTITIONS {
        let mut epoch = None;
        for record in world.changes(partition).await {
            let parts = codec::Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            match codec::decode_change(&parts).unwrap() {
                Change::Open(_) => {
                    epoch = Some(Epoch::begun_at(ChangesOffset::new(record.offset)));
                }
                Change::Decision(decision) if Some(decision.epoch) != epoch => {
                    let versions = world.faults.writes.lock().unwrap();
                    assert!(
                        !versions
                            .values()
                            .flatten()
                            .any(|version| *version == record.offset),
                        "a decision that does not count was applied"
                    );
                }
                Change::Decision(_) | Change::Mark(_) | Change::Void(_) => {}
            }
        }
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_record_store_forgot_is_written_again_when_it_is_back() {
    let world = World::new().await;
    world.faults.forgetful.store(true, Ordering::SeqCst);
    let worker = world.worker("w1");
    world.faults.forget.lock().unwrap().insert("a".into());
    let lost = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[lost]).await[0]));
    assert_eq!(world.body("a").await, None, "the fault does not work");
    // It comes back without the write.
    world.faults.record_away.store(true, Ordering::SeqCst);
    world.faults.forget.lock().unwrap().clear();
    let next = world.update("a", json!({"m": 1})).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.faults.record_away.store(false, Ordering::SeqCst);
    assert!(applied(&world.resolved(&[next]).await[0]));
    assert_eq!(world.body("a").await, Some((2, json!({"n": 0, "m": 1}))));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_made_by_unknown_definitions_waits_until_they_are_published() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let mut definitions = world.catalog.definitions().clone();
    // The same operations under another version: one summary differs.
    definitions["operations"][0]["summary"] = json!("Another text.");
    let newer = catalog::Catalog::from_definitions(&definitions).unwrap();
    assert_ne!(newer.version(), world.catalog.version());
    let (mut event, id) = world.event(
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "a", "body": {}}),
        None,
    );
    event.attributes.catalog = newer.version().to_owned();
    world.append(&event).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        world.real.ledger(&[id]).await.unwrap()[0].is_none(),
        "it was planned by definitions it was not made by"
    );
    let parts = codec::encode_catalog(newer.version(), newer.definitions());
    let topic = Arc::from(world.layout.name(&topics::CATALOG));
    world
        .log
        .publisher
        .send(NewRecord {
            topic,
            partition: 0,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        })
        .unwrap()
        .await
        .unwrap();
    assert!(applied(&world.resolved(&[id]).await[0]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_forgotten_while_nobody_wrote_is_written_again_too() {
    let world = World::new().await;
    world.faults.forgetful.store(true, Ordering::SeqCst);
    let worker = world.worker("w1");
    world.faults.forget.lock().unwrap().insert("a".into());
    let lost = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[lost]).await[0]));
    world.faults.record_away.store(true, Ordering::SeqCst);
    world.faults.forget.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.faults.record_away.store(false, Ordering::SeqCst);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while world.body("a").await.is_none() {
        assert!(
            std::time::Instant::now() < until,
            "an acknowledged write is gone for good"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    worker.stop().await;
}

/// What the record store refuses is for a person to mend: a dead letter with the event's bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_record_will_never_take_is_a_dead_letter() {
    let world = World::new().await;
    *world.faults.record_poison.lock().unwrap() = Some("poison".into());
    let mut dead = Vec::new();
    let mut good = Vec::new();
    for n in 0..20 {
        good.push(world.create(&format!("k{n}"), json!({"n": 0})).await);
        dead.push(world.update(&format!("k{n}"), json!({"x": "poison"})).await);
        good.push(world.update(&format!("k{n}"), json!({"n": 1})).await);
    }
    let worker = world.worker("w1");
    assert!(world.resolved(&good).await.iter().all(applied));
    for entry in world.resolved(&dead).await {
        assert!(
            matches!(&entry.verdict, Verdict::DeadLettered(reason) if reason.code == "refused_by_test"),
            "{entry:?}"
        );
    }
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), dead.len());
    for letter in &letters {
        let ledger = &world.resolved(&[letter.request]).await[0];
        assert_eq!((letter.version, &letter.key), (ledger.version, &ledger.key));
        let event = codec::decode_transaction(&letter.original.parts().unwrap()).unwrap();
        assert_eq!(event.attributes.id, letter.request);
    }
    for n in 0..20 {
        let body = world.body(&format!("k{n}")).await;
        assert_eq!(body, Some((2, json!({"n": 1}))), "k{n}");
    }
    let opens = world.opens().await;
    assert!(
        opens <= 4 * usize::from(crate::harness::PARTITIONS),
        "all that a batch holds is voided in one taking, not in {opens}"
    );
    worker.stop().await;
}

/// The mapping changes under documents that were applied: neither the update nor the state before
/// it fits any more. The partition goes on, and the view says that it has diverged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_the_view_refuses_to_restore_is_marked_as_diverged() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let created = world.create("a", json!({"x": "poison of old"})).await;
    assert!(applied(&world.resolved(&[created]).await[0]));
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let update = world.update("a", json!({"y": 1})).await;
    assert!(unmappable(&world.resolved(&[update]).await[0]));
    assert_eq!(
        world.body("a").await,
        Some((1, json!({"x": "poison of old"}))),
        "the record has the state before"
    );
    assert_eq!(*world.faults.diverged.lock().unwrap(), ["a"]);
    // Others of its partition, and itself once it fits again.
    let mended = world.update("a", json!({"x": "well"})).await;
    assert!(applied(&world.resolved(&[mended]).await[0]));
    assert_eq!(world.body("a").await, Some((2, json!({"x": "well"}))));
    let before = world.opens().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        world.opens().await,
        before,
        "the partition is taken again and again"
    );
    worker.stop().await;
}

/// What the ledger remembers is never undone, even if the view refuses it when it is applied again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_as_applied_stays_applied_when_it_is_applied_again() {
    let world = World::new().await;
    let store = world.real.clone();
    let worker = world.worker_that_applies_again("w1");
    let created = world.create("a", json!({"x": "poison of old"})).await;
    assert!(applied(&world.resolved(&[created]).await[0]));
    worker.cut().await;
    // The next owner applies the window again; by now the view refuses what it took before.
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let worker = world.worker_that_applies_again("w2");
    let later = world.create("b", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[later]).await[0]));
    let entry = store.ledger(&[created]).await.unwrap().remove(0).unwrap();
    assert_eq!(entry.verdict, Verdict::Applied);
    assert_eq!(
        world.body("a").await,
        Some((1, json!({"x": "poison of old"})))
    );
    worker.stop().await;
}
