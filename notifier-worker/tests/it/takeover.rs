//! Notifiers that come and go: nothing is missed.

use crate::harness::{Gate, Hand, On, PARTITIONS, PATIENCE, World};
use event_schema::{
    codec::{self, Parts},
    membership::{MembershipRecord, PartitionClaim, PresenceFilter},
    topics,
};
use serde_json::json;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// Each id for the first time, in the order heard.
fn firsts<'a>(ids: &[&'a str]) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

async fn another_takes_over(on: On) {
    let world = World::on(on).await;
    let first = world.notifier("first");
    let mut gate = Gate::open(&world, "g", 0).await;
    gate.subscribe("all", json!({})).await;
    let mut hands = Vec::new();
    for partition in 0..PARTITIONS {
        hands.push(Hand::open(&world, partition, 0).await);
    }
    let mut written: Vec<Vec<String>> = vec![Vec::new(); hands.len()];
    let mut write = async |from: usize, count: usize| {
        for n in from..from + count {
            for (partition, hand) in hands.iter_mut().enumerate() {
                let id = format!("{partition}-{n}");
                hand.write(&id, json!({"n": n})).await;
                written[partition].push(id);
            }
        }
    };
    write(0, 10).await;
    let second = world.notifier("second");
    write(10, 20).await;
    // The second may have its partitions by now, or not: nobody waits.
    first.cut().await;
    write(30, 10).await;
    let third = world.notifier("third");
    write(40, 10).await;
    second.stop().await;
    write(50, 10).await;
    let all = 60 * usize::from(PARTITIONS);
    gate.until("all", |gate| {
        gate.done().iter().collect::<HashSet<_>>().len() == all
    })
    .await;
    for (partition, written) in written.iter().enumerate() {
        let prefix = format!("{partition}-");
        let of_it: Vec<&str> = gate
            .done()
            .into_iter()
            .filter(|id| id.starts_with(&prefix))
            .collect();
        assert_eq!(&firsts(&of_it), written);
    }
    let told = gate.done().len();
    println!("{told} told of {all}");
    third.stop().await;
}

#[tokio::test]
async fn another_takes_over_embedded() {
    another_takes_over(On::Embedded).await;
}

#[tokio::test]
async fn another_takes_over_on_kafka() {
    another_takes_over(On::Kafka).await;
}

/// What was told as pending by one is told as done by the next, although nobody runs in between.
#[tokio::test]
async fn what_is_decided_while_nobody_runs_is_told_later() {
    let world = World::on(On::Embedded).await;
    let first = world.notifier("first");
    let mut gate = Gate::open(&world, "g", 0).await;
    gate.subscribe("all", json!({})).await;
    let mut hand = Hand::open(&world, 0, 0).await;
    hand.write("before", json!({})).await;
    hand.decide("half", None, Some(json!({}))).await;
    world.publish(0, "c", Some("told"), json!({})).await;
    gate.until("half and the message", |gate| gate.heard().len() == 4)
        .await;
    first.stop().await;
    hand.mark().await;
    hand.write("meanwhile", json!({})).await;
    world.publish(0, "c", Some("message"), json!({})).await;
    let heard = gate.heard().len();
    let second = world.notifier("second");
    gate.until("all", |gate| {
        ["half", "meanwhile", "message"]
            .iter()
            .all(|id| gate.done().contains(id))
    })
    .await;
    let mut after = gate.heard().split_off(heard);
    after.retain(|told| !told.contains("publish"));
    // It begins at the first that was not done.
    assert_eq!(
        after,
        [
            "half pending create all:in",
            "half done create all:in",
            "meanwhile pending create all:in",
            "meanwhile done create all:in"
        ]
    );
    assert!(
        !gate.done()[2..].contains(&"told"),
        "what was acknowledged and committed is not told again: {:?}",
        gate.done()
    );
    second.stop().await;
}

/// Notifiers were away for so long that changes were deleted unread: every gateway hears of it.
#[tokio::test]
async fn what_was_deleted_untold_is_said_to_be_missed() {
    let world = World::on(On::Embedded).await;
    let first = world.notifier("first");
    let mut gate = Gate::open(&world, "g", 0).await;
    let mut other = Gate::open(&world, "h", 1).await;
    gate.subscribe("all", json!({})).await;
    other.subscribe("all", json!({})).await;
    let mut hand = Hand::open(&world, 0, 0).await;
    hand.write("before", json!({})).await;
    gate.until("before", |gate| gate.done().contains(&"before"))
        .await;
    first.stop().await;
    assert!(gate.missed.is_empty(), "nothing was lost yet");
    hand.write("lost", json!({})).await;
    hand.write("also lost", json!({})).await;
    let changes = world.layout.name(&topics::CHANGES);
    let end = world.log.admin.offsets(&changes, 0).await.unwrap().end;
    // The last mark stays, as it does behind a worker.
    let deleted = world.log.admin.delete_before(&changes, 0, end - 1).await;
    deleted.unwrap();
    let second = world.notifier("second");
    gate.until("missed", |gate| gate.missed == [0]).await;
    other.until("missed", |gate| gate.missed == [0]).await;
    hand.write("after", json!({})).await;
    gate.until("after", |gate| gate.done().contains(&"after"))
        .await;
    assert!(!gate.done().contains(&"lost"), "{:?}", gate.done());
    second.stop().await;
    // It is said once: the next goes on where this one was.
    let third = world.notifier("third");
    hand.write("last", json!({})).await;
    gate.until("last", |gate| gate.done().contains(&"last"))
        .await;
    assert_eq!(gate.missed, [0]);
    third.stop().await;
}

/// The first ever to come begins at the end, and knows which epoch is in force there.
#[tokio::test]
async fn a_new_deployment_begins_where_the_log_ends() {
    let world = World::on(On::Embedded).await;
    let mut zombie = Hand::open(&world, 0, 0).await;
    let mut hand = Hand::open(&world, 0, 0).await;
    hand.write("old", json!({})).await;
    world.publish(0, "c", Some("old"), json!({})).await;
    let mut gate = Gate::open(&world, "g", 0).await;
    let at = gate.beat().await;
    let notifier = world.notifier("n");
    gate.active(at).await;
    gate.subscribe("all", json!({})).await;
    zombie.write("zombie", json!({})).await;
    hand.open_again().await;
    hand.write("new", json!({})).await;
    gate.until("new", |gate| gate.done().contains(&"new")).await;
    assert_eq!(gate.done(), ["new"]);
    notifier.stop().await;
}

/// A subscription that is said to be active is matched against, whoever has the partition.
#[tokio::test]
async fn active_means_active_while_notifiers_come_and_go() {
    let world = World::on(On::Embedded).await;
    let mut gate = Gate::open(&world, "g", 0).await;
    let mut running = vec![world.notifier("0")];
    let mut hands = Vec::new();
    for partition in 0..PARTITIONS {
        hands.push(Hand::open(&world, partition, 0).await);
    }
    for n in 1..30 {
        let room = format!("r{n}");
        running.push(world.notifier(&n.to_string()));
        gate.subscribe(&room, json!({"equals": {"n": n}})).await;
        let leaving = running.remove(0);
        if n % 2 == 0 {
            leaving.cut().await
        } else {
            leaving.stop().await
        }
        for hand in &mut hands {
            hand.write(&room, json!({"n": n})).await;
        }
        // Read only now and then, so that the notifiers do not wait for the reader.
        if n % 10 == 9 {
            gate.until("all so far", |gate| {
                (1..=n).all(|n| {
                    gate.done()
                        .iter()
                        .filter(|id| **id == format!("r{n}"))
                        .count()
                        >= 4
                })
            })
            .await;
        }
    }
}

/// Whoever hears late who listens to what handles nothing before he knows it.
#[tokio::test]
async fn a_successor_that_hears_late_waits_until_it_knows() {
    let world = World::on(On::Embedded).await;
    let first = world.notifier("first");
    let mut gate = Gate::open(&world, "g", 0).await;
    gate.subscribe("all", json!({})).await;
    first.stop().await;
    let late = crate::slow::late(
        &world.log,
        world.layout.name(&topics::ROOMS),
        Duration::from_millis(300),
    );
    let second = world.notifier_on(late, "second", crate::harness::config());
    let mut hand = Hand::open(&world, 0, 0).await;
    let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for id in &ids {
        hand.write(id, json!({})).await;
    }
    gate.until("all", |gate| gate.done().len() == ids.len())
        .await;
    assert_eq!(gate.done(), ids);
    second.stop().await;
}

/// Who claimed which partition, in order, with the place in `rooms`.
async fn claims(world: &World) -> Vec<(u64, PartitionClaim)> {
    let topic = world.layout.name(&topics::ROOMS);
    let end = world.log.admin.offsets(&topic, 0).await.unwrap().end;
    let mut scan = world.log.scan(&topic, 0, 0..end);
    let mut claims = Vec::new();
    while let Some(records) = scan.next().await.unwrap() {
        for record in records {
            let parts = Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            let room = codec::decode_membership(&parts).unwrap();
            if let MembershipRecord::PartitionClaimed(claim) = room {
                claims.push((record.offset, claim));
            }
        }
    }
    claims
}

/// Waits until this notifier claims the partition (or any) at or behind this place of `rooms`.
async fn claimed(world: &World, notifier: &str, partition: Option<u16>, from: u64) -> u16 {
    let until = Instant::now() + PATIENCE;
    loop {
        let claims = claims(world).await;
        let found = claims.iter().find(|(at, claim)| {
            let is_its = partition.is_none_or(|partition| partition == claim.partition);
            *at >= from && claim.notifier == notifier && is_its
        });
        if let Some((_, claim)) = found {
            return claim.partition;
        }
        assert!(
            Instant::now() < until,
            "{notifier} claims nothing: {claims:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// By what it knows of the rooms it has owned the partition all along: it does not know yet that another
/// had it, nor who came to listen meanwhile.
#[tokio::test]
async fn one_that_gets_a_partition_back_waits_until_it_knows_what_came_meanwhile() {
    let world = World::on(On::Embedded).await;
    let (log, stall) = crate::slow::stalled(&world.log, world.layout.name(&topics::ROOMS));
    let first = world.notifier_on(log, "first", crate::harness::config());
    let mut gate = Gate::open(&world, "g", 0).await;
    let at = gate.beat().await;
    gate.active(at).await;

    stall.send_replace(true);
    let second = world.notifier("second");
    let partition = claimed(&world, "second", None, at).await;
    let seat = gate.sit("c", "all", json!({}), PresenceFilter::None).await;
    second.stop().await;
    claimed(&world, "first", Some(partition), seat).await;
    let mut hand = Hand::open(&world, partition, 0).await;
    hand.write("new", json!({})).await;
    gate.listen(Duration::from_millis(300)).await;
    assert!(gate.done().is_empty(), "it knows of nobody who listens");
    stall.send_replace(false);
    gate.until("new", |gate| gate.done() == ["new"]).await;
    first.stop().await;
}

/// From a decision's append to its push in the mailbox. The fastest tenth counts: what waits for a
/// clock is late each time, what waits for a processor is not.
#[tokio::test]
async fn a_push_follows_at_once() {
    let world = World::on(On::Embedded).await;
    let notifier = world.notifier("n");
    let mut gate = Gate::open(&world, "g", 0).await;
    gate.subscribe("all", json!({})).await;
    let mut hand = Hand::open(&world, 0, 0).await;
    let mut times = Vec::new();
    for n in 1..=200 {
        hand.decide(&n.to_string(), None, Some(json!({}))).await;
        let since = Instant::now();
        gate.until("it", |gate| gate.pushes.len() == n).await;
        times.push(since.elapsed());
    }
    times.sort_unstable();
    println!(
        "decision to push: p50 {:?}, p99 {:?}",
        times[100], times[198]
    );
    assert!(times[20] < Duration::from_millis(3), "{:?}", times[20]);
    notifier.stop().await;
}
