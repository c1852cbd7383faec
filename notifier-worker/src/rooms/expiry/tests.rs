//! Who is taken for dead, by a clock that the test moves.

use super::*;
use event_schema::{envelope::Reply, rooms::Heartbeat};
use std::collections::BTreeSet;

const LIMIT: Duration = Duration::from_secs(10);

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

fn beat(state: &mut State, instance: &str, now: Instant) {
    let beat = Heartbeat {
        reply: Reply {
            instance: instance.into(),
            partition: 0,
        },
        time: 0,
    };
    state.take(0, 0, RoomRecord::Beats(beat), now, &mut BTreeSet::new());
}

/// Looks each second from `from` to `to`.
fn attentive(attention: &mut Attention, start: Instant, from: u64, to: u64) {
    (from..=to).for_each(|second| attention.look(at(start, second), true));
}

#[test]
fn a_gateway_that_is_silent_while_somebody_listens_is_dead() {
    let start = Instant::now();
    let (mut state, mut attention) = (
        State::new(4, 1),
        Attention::new(start, Duration::from_secs(1)),
    );
    beat(&mut state, "g", start);
    beat(&mut state, "h", at(start, 5));
    let dead = |state: &State, attention: &Attention, second: u64| {
        expired(state, 4, LIMIT, attention, at(start, second), |_| {
            Some(start)
        })
        .join(" ")
    };
    attentive(&mut attention, start, 1, 9);
    assert_eq!(dead(&state, &attention, 9), "");
    attentive(&mut attention, start, 10, 10);
    assert_eq!(dead(&state, &attention, 10), "g");
    attentive(&mut attention, start, 11, 15);
    assert_eq!(dead(&state, &attention, 15), "g h");
    beat(&mut state, "g", at(start, 15));
    assert_eq!(dead(&state, &attention, 15), "h");
}

#[test]
fn whoever_took_the_partition_waits_a_full_expiry_and_others_judge_nobody() {
    let start = Instant::now();
    let (mut state, mut attention) = (
        State::new(4, 1),
        Attention::new(start, Duration::from_secs(1)),
    );
    beat(&mut state, "g", start);
    attentive(&mut attention, start, 1, 20);
    let taken = at(start, 12);
    let of_it = |partition: u16| (partition == keeper("g", 4)).then_some(taken);
    assert!(expired(&state, 4, LIMIT, &attention, at(start, 20), of_it).is_empty());
    attentive(&mut attention, start, 21, 22);
    assert_eq!(
        expired(&state, 4, LIMIT, &attention, at(start, 22), of_it),
        ["g"]
    );
    assert!(
        expired(&state, 4, LIMIT, &attention, at(start, 22), |partition| {
            (partition != keeper("g", 4)).then_some(start)
        })
        .is_empty()
    );
}

#[test]
fn nobody_is_dead_because_we_or_the_log_were_away() {
    let start = Instant::now();
    let (mut state, mut attention) = (
        State::new(4, 1),
        Attention::new(start, Duration::from_secs(1)),
    );
    beat(&mut state, "g", start);
    let dead = |state: &State, attention: &Attention, second: u64| {
        expired(state, 4, LIMIT, attention, at(start, second), |_| {
            Some(start)
        })
        .len()
    };
    attentive(&mut attention, start, 1, 3);
    // Frozen for half a minute.
    attention.look(at(start, 33), true);
    assert_eq!(dead(&state, &attention, 33), 0);
    attentive(&mut attention, start, 34, 40);
    // The log is away.
    attention.look(at(start, 41), false);
    attentive(&mut attention, start, 42, 50);
    assert_eq!(dead(&state, &attention, 50), 0);
    attentive(&mut attention, start, 51, 51);
    assert_eq!(dead(&state, &attention, 51), 1);
    attention.lost(at(start, 51));
    assert_eq!(dead(&state, &attention, 52), 0);
}
