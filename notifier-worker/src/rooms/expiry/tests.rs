//! Who is taken for dead, by a clock that the test moves.

use super::*;
use event_schema::{envelope::Reply, membership::Heartbeat};
use std::collections::BTreeSet;

const LIMIT: Duration = Duration::from_secs(10);

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

fn beat(state: &mut RoomsState, instance: &str, now: Instant) {
    let beat = Heartbeat {
        reply: Reply {
            instance: instance.into(),
            partition: 0,
        },
        time: 0,
    };
    state.take(
        0,
        0,
        MembershipRecord::Heartbeat(beat),
        now,
        &mut BTreeSet::new(),
    );
}

/// Looks each second from `from` to `to`.
fn listen(listening: &mut ListeningSince, start: Instant, from: u64, to: u64) {
    (from..=to).for_each(|second| listening.look(at(start, second), true));
}

#[test]
fn a_gateway_that_is_silent_while_somebody_listens_is_dead() {
    let start = Instant::now();
    let (mut state, mut listening) = (
        RoomsState::new(4, 1),
        ListeningSince::new(start, Duration::from_secs(1)),
    );
    beat(&mut state, "g", start);
    beat(&mut state, "h", at(start, 5));
    let dead = |state: &RoomsState, listening: &ListeningSince, second: u64| {
        expired_gateways(state, 4, LIMIT, listening, at(start, second), |_| {
            Some(start)
        })
        .join(" ")
    };
    listen(&mut listening, start, 1, 9);
    assert_eq!(dead(&state, &listening, 9), "");
    listen(&mut listening, start, 10, 10);
    assert_eq!(dead(&state, &listening, 10), "g");
    listen(&mut listening, start, 11, 15);
    assert_eq!(dead(&state, &listening, 15), "g h");
    beat(&mut state, "g", at(start, 15));
    assert_eq!(dead(&state, &listening, 15), "h");
}

#[test]
fn whoever_took_the_partition_waits_a_full_expiry_and_others_judge_nobody() {
    let start = Instant::now();
    let (mut state, mut listening) = (
        RoomsState::new(4, 1),
        ListeningSince::new(start, Duration::from_secs(1)),
    );
    beat(&mut state, "g", start);
    listen(&mut listening, start, 1, 20);
    let taken = at(start, 12);
    let of_it = |partition: u16| (partition == owner_partition("g", 4)).then_some(taken);
    assert!(expired_gateways(&state, 4, LIMIT, &listening, at(start, 20), of_it).is_empty());
    listen(&mut listening, start, 21, 22);
    assert_eq!(
        expired_gateways(&state, 4, LIMIT, &listening, at(start, 22), of_it),
        ["g"]
    );
    assert!(
        expired_gateways(&state, 4, LIMIT, &listening, at(start, 22), |partition| {
            (partition != owner_partition("g", 4)).then_some(start)
        })
        .is_empty()
    );
}

#[test]
fn nobody_is_dead_because_we_or_the_log_were_away() {
    let start = Instant::now();
    let (mut state, mut listening) = (
        RoomsState::new(4, 1),
        ListeningSince::new(start, Duration::from_secs(1)),
    );
    beat(&mut state, "g", start);
    let dead = |state: &RoomsState, listening: &ListeningSince, second: u64| {
        expired_gateways(state, 4, LIMIT, listening, at(start, second), |_| {
            Some(start)
        })
        .len()
    };
    listen(&mut listening, start, 1, 3);
    // Frozen for half a minute.
    listening.look(at(start, 33), true);
    assert_eq!(dead(&state, &listening, 33), 0);
    listen(&mut listening, start, 34, 40);
    // The log is away.
    listening.look(at(start, 41), false);
    listen(&mut listening, start, 42, 50);
    assert_eq!(dead(&state, &listening, 50), 0);
    listen(&mut listening, start, 51, 51);
    assert_eq!(dead(&state, &listening, 51), 1);
    listening.lost(at(start, 51));
    assert_eq!(dead(&state, &listening, 52), 0);
}
