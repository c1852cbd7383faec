//! When nothing goes wrong but workers coming and going.

use crate::harness::{World, applied};
use event_schema::outcome::{RefusalCode, Verdict};
use serde_json::json;

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
    assert_eq!(refused(&world.resolved(&[again]).await[0]), RefusalCode::Exists);
    assert_eq!(refused(&world.resolved(&[missing]).await[0]), RefusalCode::Missing);
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
                _ => world.update(&name, json!({(format!("r{round}")): round, "seen": round.to_string()})).await,
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
        assert_eq!(world.body(&format!("k{key}")).await, Some((6, expected)), "k{key}");
    }
    for verdicts in world.faults.verdicts.lock().unwrap().values() {
        assert!(verdicts.iter().all(|verdict| verdict == &verdicts[0]), "a verdict changed: {verdicts:?}");
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
    assert_eq!(world.faults.writes.lock().unwrap()["a"].len(), writes + 1, "what was resolved before the stop was written again");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_the_log_holds_twice_is_one_write() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let (event, id) = world.event("document.create", json!({"index": "geo", "collection": "cities", "_id": "a", "body": {}}), None);
    world.append(&event).await;
    world.append(&event).await;
    let after = world.update("a", json!({"n": 1})).await;
    assert!(world.resolved(&[id, after]).await.iter().all(applied));
    assert_eq!(world.body("a").await, Some((2, json!({"n": 1}))));
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
    assert!(matches!(&entries[1].verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::IdempotencyKeyReused), "{entries:?}");
    assert_eq!(world.body("d2").await, None);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_written_whole_documents_and_rows() {
    let world = World::new().await;
    for own in world.catalog.collections() {
        let collection = store::Collection {
            index: own.index.clone(),
            collection: own.collection.clone(),
            incarnation: "abcd1234".into(),
            mappings: Some(own.mappings.clone()),
            settings: Some(own.settings.clone()),
            created: 0,
        };
        world.real.create_collection(&collection).await.unwrap();
    }
    let worker = world.worker("w1");
    let id = world.write("location.create", json!({"code": "29-04", "name": "Coast", "type": "state"})).await;
    let entry = &world.resolved(&[id]).await[0];
    assert!(applied(entry), "{entry:?}");
    worker.stop().await;
}
