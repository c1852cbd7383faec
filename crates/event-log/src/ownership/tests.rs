use super::*;
use futures::FutureExt;

fn next(
    ownership: &Ownership,
    told: &mut RebalanceHeard,
) -> Option<Result<ConsumerEvent, ConsumerError>> {
    ownership.next(told).now_or_never()
}

#[test]
fn a_member_hears_of_each_change_once() {
    let (ownership, mut told) = (Ownership::default(), RebalanceHeard::default());
    assert_eq!(next(&ownership, &mut told), None);
    ownership.assign([1, 2]);
    ownership.assign([3]);
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Assigned(vec![1, 2, 3])))
    );
    assert_eq!(next(&ownership, &mut told), None);
    ownership.take([2], TakenPartition::Revoked);
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Revoked(vec![2])))
    );
    assert_eq!(next(&ownership, &mut told), None);
}

#[test]
fn gone_and_back_is_two_events() {
    let (ownership, mut told) = (Ownership::default(), RebalanceHeard::default());
    ownership.assign([1]);
    next(&ownership, &mut told);
    let watch = ownership.watch(&told, 1).unwrap();
    ownership.take([1], TakenPartition::Revoked);
    ownership.assign([1]);
    assert!(is_revoked(Some(&watch)));
    assert_eq!(
        ownership.watch(&told, 1).err(),
        Some(StreamError::Revoked),
        "not before it is told"
    );
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Revoked(vec![1])))
    );
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Assigned(vec![1])))
    );
    assert!(ownership.watch(&told, 1).is_ok());
}

#[test]
fn never_heard_of_is_never_told() {
    let (ownership, mut told) = (Ownership::default(), RebalanceHeard::default());
    ownership.assign([1]);
    ownership.take([1], TakenPartition::Lost);
    assert_eq!(next(&ownership, &mut told), None);
}

#[test]
fn lost_and_revoked_are_told_apart() {
    let (ownership, mut told) = (Ownership::default(), RebalanceHeard::default());
    ownership.assign([1, 2, 3]);
    next(&ownership, &mut told);
    ownership.take([2], TakenPartition::Lost);
    ownership.take([1, 3], TakenPartition::Revoked);
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Revoked(vec![1, 3])))
    );
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Lost(vec![2])))
    );
}

#[test]
fn an_error_is_told_once() {
    let (ownership, mut told) = (Ownership::default(), RebalanceHeard::default());
    ownership.assign([1]);
    ownership.fail(ConsumerError::Unavailable("away".into()));
    assert_eq!(
        next(&ownership, &mut told),
        Some(Err(ConsumerError::Unavailable("away".into())))
    );
    assert_eq!(
        next(&ownership, &mut told),
        Some(Ok(ConsumerEvent::Assigned(vec![1])))
    );
}

#[test]
fn streams_end_with_their_member() {
    let (ownership, mut told) = (Ownership::default(), RebalanceHeard::default());
    ownership.assign([1]);
    next(&ownership, &mut told);
    let watch = ownership.watch(&told, 1).unwrap();
    assert!(!is_revoked(Some(&watch)));
    drop(ownership);
    assert!(is_revoked(Some(&watch)));
}
