//! Partitions that are assigned and revoked: each has one task in the group, whatever that task is
//! doing, and one that lost its partition has nothing to say any more.

use crate::harness::{End, PARTITIONS, Script, World};
use partition_owner::OwnerNotice;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

fn all() -> BTreeSet<u16> {
    (0..PARTITIONS).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_assigned_partition_is_taken_and_read() {
    let world = World::new().await;
    let member = world.member(Script::default());
    for partition in all() {
        world.append(partition, &format!("of {partition}")).await;
    }
    let script = member.script.clone();
    script
        .until("all are read", |script| {
            all().iter().all(|p| script.read.contains_key(p))
        })
        .await;
    for partition in all() {
        let read = script.with(|script| script.read[&partition].clone());
        assert_eq!(read, [format!("of {partition}")]);
    }
    assert!(member.health.report().ready, "{:?}", member.health.report());
    member.stop().await;
}

/// The first member hangs while it takes its partitions: another one gets half of them at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_hangs_is_cut_off_when_its_partition_is_revoked() {
    let world = World::new().await;
    let first = Script::default();
    all().iter().for_each(|p| first.ends(*p, [End::Hang]));
    let first = world.member(first);
    let script = first.script.clone();
    script
        .until("it hangs", |script| script.running == all())
        .await;
    let second = world.member(Script::default());
    let others = second.script.clone();
    others
        .until("it has two", |script| script.running.len() == 2)
        .await;
    let moved = others.with(|script| script.running.clone());
    script
        .until("the first let go of those", |script| {
            script.running.is_disjoint(&moved) && script.running.len() == 2
        })
        .await;
    for partition in &moved {
        let notice = (*partition, OwnerNotice::Revoked);
        assert!(script.with(|script| script.notices.contains(&notice)));
    }
    first.trigger.hard();
    first.handle.await.unwrap().unwrap();
    others
        .until("it has all", |script| script.running == all())
        .await;
    second.stop().await;
}

/// What it says of a revoked partition is heard by nobody: neither a commit nor `/readyz`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_a_partition_has_nothing_to_say() {
    let world = World::new().await;
    let script = Script::default();
    let halts = |p: &u16| script.ends(*p, [End::Halt("damaged")]);
    all().iter().for_each(halts);
    let first = world.member(script);
    let until = Instant::now() + Duration::from_secs(20);
    while all().iter().any(|p| first.trouble(*p).is_none()) {
        assert!(Instant::now() < until, "{:?}", first.health.report());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = world.member(Script::default());
    let others = second.script.clone();
    others
        .until("it has two", |script| script.running.len() == 2)
        .await;
    let moved = others.with(|script| script.running.clone());
    let mine = first.script.clone();
    mine.until("it heard of that", |script| {
        let revoked = |p: &u16| script.notices.contains(&(*p, OwnerNotice::Revoked));
        moved.iter().all(revoked)
    })
    .await;
    for partition in all() {
        let shown = first.trouble(partition).is_some();
        assert_eq!(shown, !moved.contains(&partition), "{partition}");
        let owned = mine.with(|script| script.owned[&partition].clone());
        owned.commit(99, "mine".into()).await.unwrap();
        owned.taken_at(99);
    }
    let until = Instant::now() + Duration::from_secs(20);
    let kept = all().into_iter().find(|p| !moved.contains(p)).unwrap();
    while world.committed(kept).await.is_none() {
        assert!(
            Instant::now() < until,
            "who owns the partition is not heard"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for partition in &moved {
        assert_eq!(world.committed(*partition).await, None, "{partition}");
    }
    first.stop().await;
    second.stop().await;
}
