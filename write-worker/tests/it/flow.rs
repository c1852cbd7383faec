//! When nothing goes wrong but workers coming and going.

use crate::{
    faulty::Abyss,
    harness::{REMEMBERED, World, applied},
};
use event_schema::outcome::{RefusalCode, Verdict};
use serde_json::json;
use std::{sync::atomic::Ordering, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_applied_in_order_and_refusals_are_remembered() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let mut ids = vec![world.create("a", json!({"n": 0})).await];
    for n in 1..200 {
        ids.push(world.update("a", json!({"n": n})).await);
    }
    let again = world.create("a", json!({})).await;
    let missing = world.update("b", json!({})).await;
    assert!(world.resolved(&ids).await.iter().all(applied));
    assert_eq!(world.body("a").await, Some((200, json!({"n": 199}))));
    let refused = |entry: &event_schema::outcome::LedgerEntry| match &entry.verdict {
        Verdict::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(&world.resolved(&[again]).await[0]),
        RefusalCode::Exists
    );
    assert_eq!(
        refused(&world.resolved(&[missing]).await[0]),
        RefusalCode::Missing
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_come_go_and_crash_lose_and_reorder_nothing() {
    let world = World::new().await;
    let mut ids = Vec::new();
    let mut workers = vec![world.worker("w0")];
    for round in 0..6 {
        for key in 0..20 {
            let name = format!("k{key}");
            ids.push(match round {
                0 => world.create(&name, json!({"seen": "0"})).await,
                _ => {
                    world
                        .update(
                            &name,
                            json!({(format!("r{round}")): round, "seen": round.to_string()}),
                        )
                        .await
                }
            });
        }
        match round % 3 {
            0 => workers.push(world.worker(&format!("w{}", round + 1))),
            1 => workers.remove(0).cut().await,
            _ => {
                workers.remove(0).stop().await;
                workers.push(world.worker(&format!("w{}", round + 1)));
            }
        }
    }
    assert!(world.resolved(&ids).await.iter().all(applied));
    for key in 0..20 {
        let expected = json!({"seen": "5", "r1": 1, "r2": 2, "r3": 3, "r4": 4, "r5": 5});
        assert_eq!(
            world.body(&format!("k{key}")).await,
            Some((6, expected)),
            "k{key}"
        );
    }
    for verdicts in world.faults.verdicts.lock().unwrap().values() {
        assert!(
            verdicts.iter().all(|verdict| verdict == &verdicts[0]),
            "a verdict changed: {verdicts:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_goes_on_behind_the_mark() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let first = world.create("a", json!({"n": 0})).await;
    world.resolved(&[first]).await;
    worker.stop().await;
    let writes = world.faults.writes.lock().unwrap()["a"].len();
    let worker = world.worker("w2");
    let second = world.update("a", json!({"n": 1})).await;
    world.resolved(&[second]).await;
    assert_eq!(
        world.faults.writes.lock().unwrap()["a"].len(),
        writes + 1,
        "what was resolved before the stop was written again"
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_the_log_holds_twice_is_one_write() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let (event, id) = world.event(
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "a", "body": {}}),
        None,
    );
    world.append(&event).await;
    world.append(&event).await;
    let after = world.update("a", json!({"n": 1})).await;
    assert!(world.resolved(&[id, after]).await.iter().all(applied));
    assert_eq!(world.body("a").await, Some((2, json!({"n": 1}))));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_looked_up_when_memory_does_not_reach_back_to_it() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let (event, id) = world.event(
        "document.create",
        json!({"index": "geo", "collection": "cities", "_id": "a", "body": {}}),
        None,
    );
    world.append(&event).await;
    let mut others = Vec::new();
    for n in 0..2 * REMEMBERED {
        others.push(world.update("a", json!({"n": n})).await);
    }
    let before = world.resolved(&[id]).await.remove(0);
    assert!(world.resolved(&others).await.iter().all(applied));
    world.append(&event).await;
    let last = world.update("a", json!({"last": true})).await;
    assert!(applied(&world.resolved(&[last]).await[0]));
    let after = world.resolved(&[id]).await.remove(0);
    assert_eq!(
        (after.version, after.verdict),
        (before.version, before.verdict),
        "judged twice"
    );
    let told = world.faults.verdicts.lock().unwrap()[&id.to_string()].clone();
    assert_eq!(told.len(), 1, "{told:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_is_one_requests_own() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let request = |n: i32| json!({"index": "geo", "collection": "cities", "_id": format!("d{n}"), "body": {"n": n}});
    let (first, first_id) = world.event("document.create", request(1), Some("key"));
    let (other, other_id) = world.event("document.create", request(2), Some("key"));
    world.append(&first).await;
    world.resolved(&[first_id]).await;
    world.append(&other).await;
    // The same event once more, a day later as it were: found in the ledger.
    world.append(&first).await;
    let entries = world.resolved(&[first_id, other_id]).await;
    assert!(applied(&entries[0]));
    assert!(
        matches!(&entries[1].verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::IdempotencyKeyReused),
        "{entries:?}"
    );
    assert_eq!(world.body("d2").await, None);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_written_whole_documents_and_rows() {
    let world = World::new().await;
    world.own_collections().await;
    let worker = world.worker("w1");
    let id = world
        .write(
            "location.create",
            json!({"code": "29-04", "name": "Coast", "type": "state"}),
        )
        .await;
    let entry = &world.resolved(&[id]).await[0];
    assert!(applied(entry), "{entry:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_any_two_effects_is_finished_by_the_next_owner() {
    let world = World::new().await;
    world.own_collections().await;
    for (n, place) in Abyss::ALL.into_iter().enumerate() {
        *world.faults.abyss.lock().unwrap() = Some(place);
        world.faults.reached.store(false, Ordering::SeqCst);
        let worker = world.worker(&format!("dies {place:?}"));
        let id = world
            .write(
                "location.create",
                json!({"code": format!("29-{n}"), "name": "Coast", "type": "state"}),
            )
            .await;
        while !world.faults.reached.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        worker.cut().await;
        let remembered = world.real.ledger(&[id]).await.unwrap()[0].is_some();
        assert_eq!(
            remembered,
            place == Abyss::AfterLedger,
            "{place:?}: the ledger is written after all effects"
        );

        *world.faults.abyss.lock().unwrap() = None;
        let worker = world.worker(&format!("finishes {place:?}"));
        let entry = world.resolved(&[id]).await.remove(0);
        assert!(applied(&entry), "{place:?}: {entry:?}");
        let (document, in_view) = world.location(&entry).await;
        assert!(
            document.is_some() && in_view,
            "{place:?}: in the record {document:?}, in the view {in_view}"
        );
        worker.stop().await;
    }
    let versions = world.faults.writes.lock().unwrap();
    assert!(
        versions
            .values()
            .all(|versions| versions.windows(2).all(|two| two[0] == two[1])),
        "decided once each: {versions:?}"
    );
}
