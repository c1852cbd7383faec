//! Stopping: soft finishes what is in hand and hears the last commits, within a deadline; hard cuts
//! off.

use crate::harness::{PARTITIONS, Script, World};
use std::time::{Duration, Instant};

async fn with_all_running(
    world: &World,
    lingers: Duration,
    drain: Duration,
) -> crate::harness::Member {
    let script = Script::default();
    script.with(|script| script.lingers = lingers);
    for partition in 0..PARTITIONS {
        world.append(partition, "x").await;
    }
    let member = world.member_with(script.clone(), |options| options.drain = drain);
    script
        .until("all have read", |script| {
            script.read.len() == usize::from(PARTITIONS)
        })
        .await;
    member
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_stop_waits_for_what_is_in_hand() {
    let world = World::new().await;
    let lingers = Duration::from_millis(200);
    let member = with_all_running(&world, lingers, Duration::from_secs(20)).await;
    let script = member.script.clone();
    member.stop().await;
    assert!(script.with(|script| script.running.is_empty()));
    for partition in 0..PARTITIONS {
        assert_eq!(world.committed(partition).await, Some(1), "{partition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_stop_has_a_deadline() {
    let world = World::new().await;
    let hour = Duration::from_secs(3_600);
    let member = with_all_running(&world, hour, Duration::from_millis(100)).await;
    let (script, since) = (member.script.clone(), Instant::now());
    member.stop().await;
    assert!(since.elapsed() < Duration::from_secs(20));
    assert!(script.with(|script| script.running.is_empty()));
    assert_eq!(world.committed(0).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_stop_waits_for_nothing() {
    let world = World::new().await;
    let hour = Duration::from_secs(3_600);
    let member = with_all_running(&world, hour, hour).await;
    let (script, since) = (member.script.clone(), Instant::now());
    member.trigger.hard();
    member.handle.await.unwrap().unwrap();
    assert!(since.elapsed() < Duration::from_secs(20));
    assert!(script.with(|script| script.running.is_empty()));
}
