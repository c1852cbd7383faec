//! Code that fails: an event that cannot be planned without a panic is dead, and a partition whose
//! task panicked is taken anew. Neither leaves a partition without an owner.

use crate::harness::{PARTITIONS, World, applied};
use event_schema::{id::EntityKey, outcome::Verdict};
use runtime::State;
use serde_json::json;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

fn partition_of(id: &str) -> u16 {
    EntityKey(format!("geo/cities/{id}")).partition(PARTITIONS)
}

/// Planning adds one to a revision that is the last there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_planning_panics_is_dead_and_the_partition_goes_on() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let created = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[created]).await[0]));
    worker.stop().await;
    world
        .faults
        .last_revision
        .lock()
        .unwrap()
        .insert("a".into());
    let worker = world.worker("w2");
    let bad = world.update("a", json!({"n": 1})).await;
    let behind: Vec<_> = [world.create("b", json!({})).await, {
        let same = (0..).map(|n| format!("c{n}"));
        let id = same
            .into_iter()
            .find(|id| partition_of(id) == partition_of("a"));
        world.create(&id.unwrap(), json!({})).await
    }]
    .into();
    let Verdict::DeadLettered(reason) = &world.resolved(&[bad]).await[0].verdict else {
        panic!("{:?}", world.resolved(&[bad]).await[0]);
    };
    assert_eq!(reason.code, "planner_failed", "{reason:?}");
    assert!(reason.message.contains("overflow"), "{reason:?}");
    assert!(world.resolved(&behind).await.iter().all(applied));
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].request, &letters[0].reason), (bad, reason));
    worker.stop().await;
}

/// It panics again and again, is seen in `/readyz`, and finishes what stood when it no longer does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_task_panics_is_taken_anew() {
    let world = World::new().await;
    let worker = world.worker("w1");
    let component = format!("write-worker partition {}", partition_of("a"));
    let first = world.create("a", json!({"n": 0})).await;
    assert!(applied(&world.resolved(&[first]).await[0]));
    let opens = world.opens().await;
    world.faults.record_panics.store(5, Ordering::SeqCst);
    let second = world.update("a", json!({"n": 1})).await;
    let (mut seen, until) = (None, Instant::now() + Duration::from_secs(20));
    while world.faults.record_panics.load(Ordering::SeqCst) > 0 {
        assert!(Instant::now() < until, "nobody takes the partition");
        if let Some(State::Missing { why }) = worker.health.report().components.get(&component) {
            seen = Some(why.clone());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let why = seen.expect("nothing of it in /readyz");
    assert!(why.contains("a store panicked on command"), "{why}");
    let third = world.update("a", json!({"n": 2})).await;
    assert!(world.resolved(&[second, third]).await.iter().all(applied));
    assert_eq!(world.body("a").await, Some((3, json!({"n": 2}))));
    assert!(
        world.opens().await >= opens + 5,
        "each time it is claimed anew"
    );
    let report = worker.health.report();
    assert!(report.ready, "{report:?}");
    worker.stop().await;
}
