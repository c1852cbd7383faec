//! How far a partition is follows the acknowledgements, in order.

use super::*;

fn progress(offset: u64) -> DeliveryProgress {
    DeliveryProgress {
        resume: ResumePoint {
            offset: ChangesOffset::new(offset),
            epoch: Some(Epoch::begun_at(ChangesOffset::new(3))),
        },
        informative: InformativeOffset::new(offset * 2),
        rooms: 7,
    }
}

#[test]
fn a_place_survives_as_a_commit() {
    let progress = progress(9);
    assert_eq!(
        DeliveryProgress::parse(9, &progress.metadata()),
        Some(progress)
    );
    assert_eq!(
        progress.metadata(),
        "{\"epoch\":3,\"informative\":18,\"rooms\":7}"
    );
    assert_eq!(DeliveryProgress::parse(9, "through=4"), None);
}

#[tokio::test]
async fn told_is_what_is_acknowledged_up_to_the_first_gap() {
    let (mut acknowledge, mut waiting, mut in_flight) = (Vec::new(), VecDeque::new(), 0);
    for offset in 1..=2 {
        let mut deliveries = VecDeque::new();
        for _ in 0..2 {
            let (sender, delivery) = Delivery::pair();
            acknowledge.push(sender);
            deliveries.push_back(delivery);
            in_flight += 1;
        }
        waiting.push_back(LaneBatch {
            deliveries,
            then: progress(offset),
        });
    }
    let appended = |offset| {
        Ok(event_log::Appended {
            partition: 0,
            offset,
            timestamp: 0,
        })
    };
    let mut acknowledge = acknowledge.into_iter();
    let (first, second, third, fourth) = (
        acknowledge.next().unwrap(),
        acknowledge.next().unwrap(),
        acknowledge.next().unwrap(),
        acknowledge.next().unwrap(),
    );
    // The later ones come first, which moves nothing.
    third.send(appended(3));
    second.send(appended(2));
    let early = tokio::time::timeout(
        Duration::from_millis(10),
        settle_oldest(&mut waiting, &mut in_flight),
    )
    .await;
    assert!(early.is_err() && in_flight == 4);
    first.send(appended(1));
    assert_eq!(
        settle_oldest(&mut waiting, &mut in_flight).await.unwrap(),
        progress(1)
    );
    assert_eq!((in_flight, waiting.len()), (2, 1));
    drop(fourth);
    assert!(matches!(
        settle_oldest(&mut waiting, &mut in_flight).await,
        Err(TenureOutcome::Retake { .. })
    ));
}
