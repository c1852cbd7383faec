use super::*;
use crate::offset::TransactionsOffset;

fn position(generation: u16, offset: u64) -> Position {
    Position {
        generation,
        partition: 3,
        offset: TransactionsOffset::new(offset),
    }
}

#[test]
fn places_sort_as_queues_go() {
    let strict =
        |generation, offset| HeldPlace::of(HeldMode::Strict, &position(generation, offset));
    let open = HeldPlace::of(HeldMode::Open, &position(1, 0));
    let mut places = vec![open.clone(), strict(2, 0), strict(1, 10), strict(1, 9)];
    places.sort();
    assert_eq!(places, [strict(1, 9), strict(1, 10), strict(2, 0), open]);
    assert!(places[2] < HeldPlace::before_open());
    assert!(HeldPlace::before_open() < places[3]);
    assert!(places[3].is_open() && !places[0].is_open());
}

#[test]
fn rows_come_back_as_they_were_written() {
    let key = EntityKey("user/42".into());
    let lock = KeyLock {
        waiting: 2,
        state: LockState::Locked,
        ..KeyLock::default()
    };
    let made = move_lock(&key, &KeyLock::default(), &lock);
    assert_eq!((made.action, &made.before), (RowAction::Put, &None));
    assert_eq!(
        read_lock(&made.key, &made.cells),
        Ok((key.clone(), lock.clone()))
    );
    let gone = move_lock(&key, &lock, &KeyLock::default());
    assert_eq!(gone.action, RowAction::Remove);
    assert_eq!(gone.before, Some(made.cells));
    assert!(read_held(&Map::new()).is_err());
}

#[test]
fn what_cannot_be_decoded_is_held_in_its_own_partition() {
    for partition in 0..64 {
        assert_eq!(undecodable_key(partition, 64).partition(64), partition);
    }
}

#[test]
fn the_first_failure_and_the_last_ones_are_remembered() {
    let failed = |time| FailedAttempt {
        time,
        reason: DeadReason {
            code: "c".into(),
            message: time.to_string(),
            store: None,
        },
        replay: None,
    };
    let mut held = HeldEvent {
        request: RequestId::of_record("t", &position(1, 0)),
        operation: "user.create".into(),
        tenant: "default".into(),
        catalog: "c".into(),
        position: position(1, 0),
        kind: HeldKind::Parked,
        attempts: 0,
        history: Vec::new(),
        accepted: 0,
        since: 0,
        prev: None,
    };
    (0..30).for_each(|time| held.fail(failed(time)));
    assert_eq!((held.kind, held.attempts), (HeldKind::Dead, 30));
    assert_eq!(held.history.len(), REMEMBERED_ATTEMPTS);
    assert_eq!(held.history[0].time, 0);
    assert_eq!(held.reason().unwrap().message, "29");
}

#[test]
fn the_lock_of_a_key_is_in_a_bucket_of_its_partition() {
    for partitions in [1, 2, 3, 4, 6, 8, 12, 16, 32, 48, 64] {
        for n in 0..500 {
            let key = EntityKey(format!("users/{n}"));
            let mut buckets = partition_buckets(key.partition(partitions), partitions);
            assert!(buckets.any(|bucket| bucket == key_bucket(&key)), "{key}");
        }
    }
    let read = |partitions| (0..partitions).flat_map(move |one| partition_buckets(one, partitions));
    assert_eq!(read(8).count(), usize::from(BUCKETS));
    assert_eq!(read(64).count(), 64);
    assert_eq!(read(3).count(), 3 * usize::from(BUCKETS));
}
