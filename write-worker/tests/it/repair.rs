//! Intents to mend what a store holds: decided by the owner of the item, silent, and refused where
//! the item changed since.

use crate::harness::{World, applied, collection};
use event_schema::{
    codec,
    decision::{Change, Decision},
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    offset::ChangesOffset,
    outcome::{RefusalCode, Verdict},
    position::Version,
    repair::{REPAIR, RepairIntent, RepairedItem},
    to_raw,
};
use serde_json::{Value, json};
use std::time::Duration;
use store::{DocumentWrite, document::Write};

fn document(id: &str) -> DocumentKey {
    let collection = collection();
    DocumentKey {
        index: collection.index,
        collection: collection.collection,
        incarnation: collection.incarnation,
        id: id.into(),
    }
}

fn key(id: &str) -> EntityKey {
    EntityKey(document(id).to_string())
}

/// Where the partition of `changes` ends.
async fn end(world: &World, id: &str) -> u64 {
    let partition = key(id).partition(crate::harness::PARTITIONS);
    let last = world.changes(partition).await;
    last.last().map_or(0, |record| record.offset + 1)
}

async fn repair(world: &World, id: &str, body: Value, revision: u64, read_to: u64) -> RequestId {
    let intent = RepairIntent {
        item: RepairedItem::Document {
            document: document(id),
            revision,
            body: Some(to_raw(&body)),
        },
        read_to: ChangesOffset::new(read_to),
        reason: Some("a test".into()),
    };
    world.intend(REPAIR, &key(id), &intent).await
}

async fn decision_of(world: &World, request: RequestId) -> Decision {
    for record in world.changes(request.partition()).await {
        let parts = codec::Parts {
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        if let Ok(Change::Decision(decision)) = codec::decode_change(&parts)
            && decision.request == request
        {
            return decision;
        }
    }
    panic!("{request} was not decided")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_writes_the_item_anew_and_tells_nobody() {
    let world = World::new().await;
    let _worker = world.worker("w1");
    let made = world.create("a", json!({"n": 1})).await;
    let changed = world.update("a", json!({"n": 2})).await;
    world.resolved(&[made, changed]).await;
    let stored = world.real.documents(&[document("a")]).await.unwrap();
    let stored = stored.into_iter().flatten().next().unwrap();
    // By other hands: a version that no decision gave it.
    let planted = stored.meta.version.0 + 1;
    let mut meta = stored.meta;
    meta.version = Version(planted);
    let write = DocumentWrite {
        key: document("a"),
        meta,
        body: Some(to_raw(&json!({"n": 99}))),
        diverged: false,
        purged: false,
    };
    world.real.apply(&[Write::Document(write)]).await;
    while end(&world, "a").await <= Version(planted).offset().get() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(world.body("a").await, Some((2, json!({"n": 99}))));

    let read_to = end(&world, "a").await;
    let asked = repair(&world, "a", json!({"n": 2}), 2, read_to).await;
    let entry = world.resolved(&[asked]).await.remove(0);
    assert!(applied(&entry), "{:?}", entry.verdict);
    assert_eq!(world.body("a").await, Some((2, json!({"n": 2}))));
    let decision = decision_of(&world, asked).await;
    assert!(decision.silent);
    assert_eq!(decision.documents[0].revision_before, 2);
    // The document goes on from there.
    let next = world.update("a", json!({"m": 3})).await;
    world.resolved(&[next]).await;
    assert_eq!(world.body("a").await, Some((3, json!({"n": 2, "m": 3}))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_the_log_was_read_is_not_mended() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let made = world.create("a", json!({"n": 1})).await;
    world.resolved(&[made]).await;
    let read_to = end(&world, "a").await;
    let changed = world.update("a", json!({"n": 2})).await;
    world.resolved(&[changed]).await;
    let late = repair(&world, "a", json!({"n": 1}), 1, read_to).await;
    let refused = world.resolved(&[late]).await.remove(0);
    let superseded = |verdict: &Verdict| matches!(verdict, Verdict::Refused(one) if one.code == RefusalCode::Superseded);
    assert!(superseded(&refused.verdict), "{:?}", refused.verdict);

    // And what changes in the very batch of the intent.
    worker.stop().await;
    let read_to = end(&world, "a").await;
    let changed = world.update("a", json!({"n": 3})).await;
    let late = repair(&world, "a", json!({"n": 2}), 2, read_to + 10).await;
    let _worker = world.worker("w2");
    let entries = world.resolved(&[changed, late]).await;
    assert!(superseded(&entries[1].verdict), "{:?}", entries[1].verdict);
    assert_eq!(world.body("a").await, Some((3, json!({"n": 3}))));
}
