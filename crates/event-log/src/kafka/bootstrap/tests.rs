//! When a client's brokers are named again.

use super::*;

#[test]
fn brokers_are_named_again_when_none_is_known_any_more() {
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let mut state = KnownBrokers::Starting;
    let mut named = Vec::new();
    let known = [(0, false), (9_000, false), (10_000, true), (20_000, false)];
    let lost = (20_100..30_000).step_by(100).map(|millis| (millis, false));
    let back = [(30_000, true), (31_000, false), (32_000, false)];
    for (millis, knows_a_broker) in known.into_iter().chain(lost).chain(back) {
        let (next, is_due) = state.step(knows_a_broker, at(millis));
        state = next;
        if is_due {
            named.push(millis);
        }
    }
    assert_eq!(named, [21_000, 23_000, 27_000, 32_000]);
}

#[test]
fn the_pause_has_a_bound() {
    let start = Instant::now();
    let state = KnownBrokers::Lost {
        next: start,
        pause: LONGEST_PAUSE,
    };
    let next = start + LONGEST_PAUSE;
    let pause = LONGEST_PAUSE;
    assert_eq!(
        state.step(false, start),
        (KnownBrokers::Lost { next, pause }, true)
    );
}
