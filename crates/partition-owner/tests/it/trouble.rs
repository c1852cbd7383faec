//! Tenures that fail: how often they are tried again, what `/readyz` says, and that other
//! partitions go on.

use crate::harness::{End, Member, PARTITIONS, Script, World};
use partition_owner::OwnerNotice;
use runtime::Backoff;
use std::time::{Duration, Instant};

async fn shown(member: &Member, partition: u16) -> String {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(why) = member.trouble(partition) {
            assert!(!member.health.report().ready);
            return why;
        }
        assert!(Instant::now() < until, "{:?}", member.health.report());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn ready(member: &Member) {
    let until = Instant::now() + Duration::from_secs(20);
    while !member.health.report().ready {
        assert!(Instant::now() < until, "{:?}", member.health.report());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_is_shown_and_the_partition_left_alone() {
    let world = World::new().await;
    let script = Script::default();
    script.ends(1, [End::Halt("the log lost its tail")]);
    let member = world.member(script.clone());
    assert_eq!(shown(&member, 1).await, "the log lost its tail");
    world.append(0, "goes on").await;
    script
        .until("others go on", |script| script.read.contains_key(&0))
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (begun, notices) = script.with(|script| (script.begun[&1], script.notices.clone()));
    assert_eq!((begun, notices), (1, vec![(1, OwnerNotice::Halted)]));
    assert!(member.trouble(1).is_some());
    member.stop().await;
}

/// It is taken again with growing waits; after some tenures without progress that is shown, and no
/// longer once one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenures_without_progress_are_paced_and_shown() {
    let world = World::new().await;
    let script = Script::default();
    script.ends(2, vec![End::Retake("unsure"); 7]);
    let since = Instant::now();
    let wait = Duration::from_millis(40);
    let member = world.member_with(script.clone(), |options| {
        options.backoff = Backoff::new(wait, wait);
    });
    let why = shown(&member, 2).await;
    assert!(why.contains("times without progress: unsure"), "{why}");
    assert!(
        script.with(|script| script.begun[&2]) >= 4,
        "it was shown at once"
    );
    world.append(2, "more").await;
    script
        .until("it goes on", |script| script.read.contains_key(&2))
        .await;
    assert!(since.elapsed() >= 7 * wait / 2, "{:?}", since.elapsed());
    ready(&member).await;
    let retaken = script.with(|script| {
        let notices = script.notices.iter();
        notices
            .filter(|notice| **notice == (2, OwnerNotice::Retaken))
            .count()
    });
    assert_eq!(retaken, 7);
    member.stop().await;
}

/// Whatever keeps the partition from being taken is shown, too, and is over when it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_cannot_be_taken_is_shown_until_it_is() {
    let world = World::new().await;
    let script = Script::default();
    // Taken before, at the same place: that it is the same says nothing of progress here.
    let away = vec![End::Untaken("the log is away"); 6];
    script.ends(3, [vec![End::Retake("unsure")], away].concat());
    let member = world.member(script.clone());
    let why = shown(&member, 3).await;
    assert!(why.contains("the log is away"), "{why}");
    // Nothing is there to be read: it is enough that it was taken.
    ready(&member).await;
    member.stop().await;
}

/// A long tenure is a good one, even where nothing is to be done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenure_that_lasts_ends_the_trouble() {
    let world = World::new().await;
    let script = Script::default();
    script.ends(0, vec![End::Retake("unsure"); 6]);
    let settled = Duration::from_millis(300);
    let member = world.member_with(script, |options| options.settled_after = settled);
    shown(&member, 0).await;
    ready(&member).await;
    member.stop().await;
}

/// The task begins anew with nothing of what it had, is seen meanwhile, and no other partition
/// notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_task_panics_is_taken_anew() {
    let world = World::new().await;
    let script = Script::default();
    let ends = [
        End::Retake("unsure"),
        End::Panic("out of bounds"),
        End::Panic("again"),
    ];
    script.ends(1, ends);
    let wait = Duration::from_millis(100);
    let member = world.member_with(script.clone(), |options| {
        options.backoff = Backoff::new(wait, wait);
    });
    let why = shown(&member, 1).await;
    assert!(
        why.contains("panicked") && why.contains("out of bounds"),
        "{why}"
    );
    world.append(1, "more").await;
    script
        .until("it goes on", |script| script.read.contains_key(&1))
        .await;
    ready(&member).await;
    script.with(|script| {
        let carried: Vec<usize> = script
            .carried
            .iter()
            .filter(|(p, _)| *p == 1)
            .map(|(_, c)| *c)
            .collect();
        assert_eq!(carried, [0, 1, 0, 0], "what a panic left is thrown away");
        let panics = script
            .notices
            .iter()
            .filter(|(_, n)| *n == OwnerNotice::Panicked);
        assert_eq!(panics.count(), 2);
        let others = (0..PARTITIONS).filter(|p| *p != 1);
        assert!(others.into_iter().all(|p| script.begun[&p] == 1));
    });
    member.stop().await;
}
