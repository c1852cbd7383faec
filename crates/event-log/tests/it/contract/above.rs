//! What stands on the port, the same for every driver: scans, followers, appends that wait.

use super::{Bed, PATIENCE, record, soon, value};
use event_log::{
    AppendError, FollowOptions, Followed, Follower, Limits, Record, Refused, consumer::From,
};
use runtime::{Backoff, Health, State};
use std::time::Duration;

const SMALL: Limits = Limits {
    records: 7,
    bytes: 1 << 20,
};

fn offsets(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.offset).collect()
}

pub async fn a_scan_reads_its_range(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 100).await;
    let mut scan = bed.log.scan(&topic, 0, 5..90).in_batches_of(SMALL);
    let mut found = Vec::new();
    while let Some(records) = scan.next().await.unwrap() {
        assert!((1..=7).contains(&records.len()), "{}", records.len());
        found.extend(offsets(&records));
    }
    assert_eq!(found, (5..90).collect::<Vec<_>>());
    assert!(scan.is_at_end());
    assert_eq!(scan.next().await.unwrap(), None, "it stays at its end");
    // Beyond the end there is nothing, and that is no error.
    let beyond = bed.log.scan(&topic, 0, 95..200).with_patience(PATIENCE);
    assert_eq!(
        offsets(&beyond.collect().await.unwrap()),
        [95, 96, 97, 98, 99]
    );
    assert_eq!(
        bed.log.scan(&topic, 0, 100..200).collect().await.unwrap(),
        []
    );
    let mut hopping = bed.log.scan(&topic, 0, 0..100).in_batches_of(SMALL);
    assert_eq!(offsets(&hopping.next().await.unwrap().unwrap())[0], 0);
    hopping.skip_to(50);
    hopping.skip_to(20);
    assert_eq!(offsets(&hopping.next().await.unwrap().unwrap())[0], 50);
}

pub async fn a_scan_of_what_is_kept(bed: Bed) {
    let topic = bed.topic(2).await;
    assert_eq!(
        bed.log
            .scan_kept(&topic, 1, 0)
            .await
            .unwrap()
            .next()
            .await
            .unwrap(),
        None
    );
    bed.fill(&topic, 1, 30).await;
    bed.log.admin.delete_before(&topic, 1, 12).await.unwrap();
    let kept = bed.log.scan_kept(&topic, 1, 0).await.unwrap();
    bed.append(&topic, 1, "behind the end as it was").await;
    let kept = offsets(&kept.collect().await.unwrap());
    assert_eq!(kept, (12..30).collect::<Vec<_>>());
    let later = bed.log.scan_kept(&topic, 1, 20).await.unwrap();
    assert_eq!(later.collect().await.unwrap().len(), 11);
    assert!(bed.log.scan_kept(&topic, 7, 0).await.is_err());
}

fn following(topic: &str, from: From, when_lost: From) -> FollowOptions {
    FollowOptions {
        topic: topic.to_owned(),
        partition: 0,
        from,
        when_lost,
        batch: SMALL,
        component: "follower",
        purpose: "reading",
    }
}

fn follower(bed: &Bed, options: FollowOptions) -> (Follower, Health) {
    let health = Health::default();
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));
    let follower = Follower::new(bed.log.clone(), options, health.clone(), backoff);
    (follower, health)
}

fn state(health: &Health) -> Option<State> {
    health.report().components.remove("follower")
}

async fn follow(follower: &mut Follower, count: usize) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() < count {
        match soon(follower.next()).await {
            Followed::Records(records) => {
                values.extend(records.iter().map(|r| value(r).to_owned()))
            }
            Followed::Lost(error) => panic!("{error}"),
        }
    }
    values
}

pub async fn a_follower_reads_on(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 20).await;
    let (mut all, health) = follower(&bed, following(&topic, From::Earliest, From::Earliest));
    assert!(matches!(state(&health), Some(State::Starting { .. })));
    assert_eq!(follow(&mut all, 20).await[19], "19");
    assert_eq!(
        state(&health),
        Some(State::Ready),
        "all that stood there is read"
    );
    let (mut new, fresh) = follower(&bed, following(&topic, From::End, From::End));
    // Nothing comes, but now its start is known.
    assert!(
        tokio::time::timeout(Duration::from_secs(2), new.next())
            .await
            .is_err()
    );
    assert_eq!(state(&fresh), Some(State::Ready));
    bed.append(&topic, 0, "new").await;
    assert_eq!(follow(&mut new, 1).await, ["new"]);
    assert_eq!(follow(&mut all, 1).await, ["new"]);
}

pub async fn a_follower_says_what_it_lost(bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 20).await;
    bed.log.admin.delete_before(&topic, 0, 12).await.unwrap();
    let (mut behind, health) = follower(&bed, following(&topic, From::Offset(5), From::Earliest));
    let lost = soon(behind.next()).await;
    assert!(matches!(lost, Followed::Lost(_)), "{lost:?}");
    assert!(matches!(state(&health), Some(State::Missing { .. })));
    assert_eq!(follow(&mut behind, 8).await[0], "12");
    assert_eq!(state(&health), Some(State::Ready));
}

pub async fn a_follower_waits_for_its_topic(bed: Bed) {
    let spec = super::spec(1);
    let (mut early, health) = follower(&bed, following(&spec.name, From::End, From::End));
    assert!(
        tokio::time::timeout(Duration::from_secs(1), early.next())
            .await
            .is_err()
    );
    assert!(matches!(state(&health), Some(State::Missing { .. })));
    bed.log
        .admin
        .create(std::slice::from_ref(&spec))
        .await
        .unwrap();
    // Its start is the end as it is when the topic can be opened.
    let appending = async {
        while state(&health) != Some(State::Ready) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bed.append(&spec.name, 0, "first").await
    };
    let (values, _) = tokio::join!(follow(&mut early, 1), appending);
    assert_eq!(values, ["first"]);
}

/// On a bed whose queue takes ten records.
pub async fn an_append_waits_for_room(bed: Bed) {
    let topic = bed.topic(1).await;
    let mut deliveries = Vec::new();
    for number in 0..200 {
        let record = record(&topic, 0, &number.to_string());
        deliveries.push(bed.log.enqueue(record).await.unwrap());
    }
    for (offset, delivery) in (0..).zip(deliveries) {
        assert_eq!(soon(delivery).await.unwrap().offset, offset);
    }
    assert_eq!(
        bed.log.append(record(&topic, 0, "x")).await.unwrap().offset,
        200
    );
    let large = record(&topic, 0, &"x".repeat(super::RECORD_LIMIT + 1));
    let refused = bed.log.append(large).await.unwrap_err();
    let why = Refused::TooLarge;
    assert_eq!(refused, AppendError::Refused { topic, why });
}
