//! Topics: create, check, measure, forget.

use super::{ALL, Bed, record, spec, take};
use event_log::{
    AdminError, CleanupPolicy, Durability, Offsets, TopicProblem, TopicSpec, consumer::From,
};
use std::time::Duration;

pub async fn creating_twice_changes_nothing(bed: Bed) {
    let spec = spec(2);
    let specs = [spec.clone()];
    assert_eq!(
        bed.log.admin.check(&specs).await.unwrap(),
        [TopicProblem::Missing {
            topic: spec.name.clone()
        }]
    );
    assert_eq!(bed.log.admin.create(&specs).await.unwrap(), []);
    bed.append(&spec.name, 1, "kept").await;
    assert_eq!(bed.log.admin.create(&specs).await.unwrap(), []);
    assert_eq!(bed.log.admin.check(&specs).await.unwrap(), []);
    assert_eq!(
        bed.log.admin.offsets(&spec.name, 1).await.unwrap(),
        Offsets {
            earliest: 0,
            end: 1
        }
    );
}

pub async fn differences_are_named(bed: Bed) {
    let spec = spec(2);
    bed.log
        .admin
        .create(std::slice::from_ref(&spec))
        .await
        .unwrap();
    let other = TopicSpec {
        partitions: 3,
        cleanup: CleanupPolicy::Compact,
        ..spec.clone()
    };
    for problems in [
        bed.log
            .admin
            .check(std::slice::from_ref(&other))
            .await
            .unwrap(),
        bed.log.admin.create(&[other]).await.unwrap(),
    ] {
        let partitions = problems.iter().find_map(|problem| match problem {
            TopicProblem::Setting {
                setting,
                expected,
                found,
                ..
            } if setting == "partitions" => Some((expected.as_str(), found.as_str())),
            _ => None,
        });
        assert_eq!(partitions, Some(("3", "2")));
        assert!(problems.iter().any(|problem| matches!(problem, TopicProblem::Setting { setting, .. } if setting.starts_with("cleanup"))));
    }
    assert_eq!(
        bed.log.admin.check(&[spec]).await.unwrap(),
        [],
        "nothing was changed"
    );
}

pub async fn restart_keeps_all(mut bed: Bed) {
    let topic = bed.topic(2).await;
    bed.fill(&topic, 1, 100).await;
    let id = bed.log.admin.topic_ids(&[&topic]).await.unwrap();
    bed.restart();
    assert_eq!(
        bed.log.admin.offsets(&topic, 1).await.unwrap(),
        Offsets {
            earliest: 0,
            end: 100
        }
    );
    assert_eq!(bed.log.admin.topic_ids(&[&topic]).await.unwrap(), id);
    assert_eq!(bed.append(&topic, 1, "after").await.offset, 100);
    let mut stream = bed
        .log
        .reader
        .tail(&topic, 1, From::Earliest)
        .await
        .unwrap();
    let offsets: Vec<_> = take(&mut *stream, 101)
        .await
        .iter()
        .map(|record| record.offset)
        .collect();
    assert_eq!(offsets, (0..101).collect::<Vec<_>>());
}

pub async fn delete_before(mut bed: Bed) {
    let topic = bed.topic(1).await;
    bed.fill(&topic, 0, 20).await;
    bed.log.admin.delete_before(&topic, 0, 12).await.unwrap();
    assert_eq!(
        bed.log.admin.offsets(&topic, 0).await.unwrap(),
        Offsets {
            earliest: 12,
            end: 20
        }
    );
    bed.log.admin.delete_before(&topic, 0, 5).await.unwrap();
    assert_eq!(
        bed.log.admin.offsets(&topic, 0).await.unwrap(),
        Offsets {
            earliest: 12,
            end: 20
        },
        "never back"
    );
    assert_eq!(
        bed.log.admin.delete_before(&topic, 0, 21).await,
        Err(AdminError::BeyondEnd { wanted: 21 })
    );
    bed.restart();
    assert_eq!(
        bed.log.admin.offsets(&topic, 0).await.unwrap(),
        Offsets {
            earliest: 12,
            end: 20
        }
    );
    bed.log.admin.delete_before(&topic, 0, 20).await.unwrap();
    assert_eq!(
        bed.log.admin.offsets(&topic, 0).await.unwrap(),
        Offsets {
            earliest: 20,
            end: 20
        }
    );
    assert_eq!(bed.append(&topic, 0, "next").await.offset, 20);
    let records = bed
        .log
        .reader
        .read(&topic, 0, 0, 100, ALL, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(
        records
            .iter()
            .map(|record| record.offset)
            .collect::<Vec<_>>(),
        [20]
    );
}

pub async fn ids(bed: Bed) {
    let (first, second) = (bed.topic(1).await, bed.topic(1).await);
    let admin = &bed.log.admin;
    let ids = admin.topic_ids(&[&first, &second, &first]).await.unwrap();
    assert!(ids[0].is_some() && ids[1].is_some(), "{ids:?}");
    assert!(ids[0] == ids[2] && ids[0] != ids[1], "{ids:?}");
    assert_eq!(admin.topic_ids(&[&second]).await.unwrap(), [ids[1].clone()]);
    assert_eq!(admin.topic_ids(&[]).await.unwrap(), []);
    let missing = format!("{first}.missing");
    assert_eq!(
        admin.topic_ids(&[&first, &missing]).await,
        Err(AdminError::UnknownPartition(missing.clone()))
    );
    assert_eq!(
        bed.log.admin.offsets(&missing, 0).await,
        Err(AdminError::UnknownPartition(missing))
    );
    assert_eq!(
        bed.log.admin.offsets(&second, 1).await,
        Err(AdminError::UnknownPartition(second))
    );
}

pub async fn durability(bed: Bed) {
    let spec = spec(1);
    bed.log
        .admin
        .create(std::slice::from_ref(&spec))
        .await
        .unwrap();
    bed.log
        .publisher
        .send(record(&spec.name, 0, "x"))
        .unwrap()
        .await
        .unwrap();
    let (durability, weaknesses) = bed.log.admin.durability(&[spec]).await.unwrap();
    // The servers of the tests are one broker.
    assert!(matches!(
        durability,
        Durability::Embedded | Durability::Logged
    ));
    assert_eq!(
        weaknesses.is_empty(),
        durability == Durability::Embedded,
        "{weaknesses:?}"
    );
}
