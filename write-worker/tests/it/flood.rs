//! Floods of dead letters: the partition waits instead of emptying the log into them.

use crate::harness::{PARTITIONS, Running, World, applied};
use catalog::Catalog;
use event_schema::{
    flood::{DeadLetterFlood, FloodPassage, FloodPermission},
    id::{EntityKey, RequestId},
    outcome::Verdict,
};
use runtime::State;
use serde_json::json;
use std::time::{Duration, Instant};

/// Ids whose events share a partition.
fn ids_of_one_partition(space: &str, count: usize) -> (u16, Vec<String>) {
    let partition = |id: &str| EntityKey(format!("{space}/{id}")).partition(PARTITIONS);
    let first = partition("n0");
    let all = (0..).map(|n| format!("n{n}"));
    let ids = all.filter(|id| partition(id) == first).take(count);
    (first, ids.collect())
}

async fn flood(world: &World, partition: u16) -> Option<DeadLetterFlood> {
    let name = DeadLetterFlood::name(1, partition);
    let text = world.real.kept_text(&name).await.unwrap()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// Waits until `/readyz` says that the partition waits.
async fn waits(worker: &Running, partition: u16) -> String {
    let component = format!("write-worker partition {partition}");
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let report = worker.health.report();
        match report.components.get(&component) {
            Some(State::Missing { why }) if why.contains("flood") => return why.clone(),
            found => assert!(Instant::now() < until, "{found:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A moment after the events behind it are applied.
async fn is_ready_again(worker: &Running) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let report = worker.health.report();
        if report.ready {
            return;
        }
        assert!(Instant::now() < until, "{report:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn let_pass(world: &World, passage: FloodPassage) {
    let permission = FloodPermission {
        passage,
        principal: "anna".into(),
        reason: None,
        since: 0,
        until: 4_000_000_000_000,
    };
    let text = serde_json::to_string(&permission).unwrap();
    let name = permission.passage.name();
    let until = permission.until;
    world.real.keep_text(&name, &text, until).await.unwrap();
}

fn is_dead(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::DeadLettered(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_beyond_the_limit_wait_at_their_place_until_they_are_let_pass() {
    let world = World::new().await;
    let (partition, ids) = ids_of_one_partition("geo/cities", 7);
    let mut bad = Vec::new();
    for id in &ids[..6] {
        bad.push(world.damaged(id).await);
    }
    let behind = world.create(&ids[6], json!({})).await;
    let elsewhere = (0..).map(|n| format!("x{n}"));
    let elsewhere = elsewhere
        .into_iter()
        .find(|id| EntityKey(format!("geo/cities/{id}")).partition(PARTITIONS) != partition);
    let worker = world.worker_with_flood_limit("w1", 3);
    let why = waits(&worker, partition).await;
    assert!(why.contains("consign dlq pass"), "{why}");
    world.resolved(&bad[..3]).await;
    let other = world.create(&elsewhere.unwrap(), json!({})).await;
    assert!(applied(&world.resolved(&[other]).await[0]), "others flow");
    let found = flood(&world, partition).await.expect("it is noted");
    assert_eq!((found.letters, found.offset, found.over), (3, 3, None));
    // Whoever takes the partition next waits, too, and makes not one more of them.
    worker.stop().await;
    let worker = world.worker_with_flood_limit("w2", 3);
    waits(&worker, partition).await;
    assert_eq!(world.dead_letters().await.len(), 3);
    let unresolved = world.real.ledger(&[bad[3], behind]).await.unwrap();
    assert!(unresolved.iter().all(Option::is_none), "{unresolved:?}");
    let_pass(&world, FloodPassage::Fingerprint(found.fingerprint)).await;
    for id in &bad {
        world.becomes(*id, is_dead).await;
    }
    assert!(applied(&world.resolved(&[behind]).await[0]));
    assert_eq!(world.dead_letters().await.len(), 6, "each one once");
    is_ready_again(&worker).await;
    assert!(flood(&world, partition).await.unwrap().over.is_some());
    worker.stop().await;
}

/// Subscribers hear of what was resolved before the flood, though it may last for days.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_before_a_flood_is_marked_while_the_partition_waits() {
    let world = World::new().await;
    let (partition, ids) = ids_of_one_partition("geo/cities", 6);
    let mut bad = Vec::new();
    for id in &ids {
        bad.push(world.damaged(id).await);
    }
    let worker = world.worker_that_waits_in_floods("w1", 3);
    waits(&worker, partition).await;
    world.resolved(&bad[..3]).await;
    world.marked(bad[2]).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_store_refuses_in_masses_waits_and_is_applied_once_that_is_mended() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalog");
    let world = World::of(Catalog::load(&[folder.into()]).unwrap()).await;
    world.own_collections().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let (partition, ids) = ids_of_one_partition("town", 6);
    let mut written: Vec<RequestId> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let body = json!({"n": n, "x": if n < 5 { "poison" } else { "good" }});
        let request = json!({"id": id, "body": body});
        written.push(world.write("town.found", request).await);
    }
    let worker = world.worker_with_flood_limit("w1", 3);
    waits(&worker, partition).await;
    // It is tried again meanwhile, and still waits.
    let opens = world.opens().await;
    let until = Instant::now() + Duration::from_secs(20);
    while world.opens().await < opens + 3 {
        assert!(Instant::now() < until, "it is not tried again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.dead_letters().await.len(), 0);
    *world.faults.poison.lock().unwrap() = None;
    assert!(world.resolved(&written).await.iter().all(applied));
    assert_eq!(world.dead_letters().await.len(), 0, "nothing died");
    let behind = world
        .write(
            "town.found",
            json!({"id": format!("{}x", ids[0]), "body": {}}),
        )
        .await;
    world.resolved(&[behind]).await;
    worker.stop().await;
}
