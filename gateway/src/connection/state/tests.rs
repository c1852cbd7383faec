use super::*;

const PATIENCE: Patience = Patience {
    ping_after: Duration::from_secs(30),
    pong_within: Duration::from_secs(20),
    message_within: Duration::from_secs(60),
    close_within: Duration::from_secs(3),
    drain_within: Duration::from_secs(10),
};

fn machine() -> (Machine, Instant) {
    let now = Instant::now();
    (Machine::new(PATIENCE, now), now)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The code of a close.
fn code(action: &Action) -> Option<u16> {
    match action {
        Action::Close { last, .. } => Some(u16::from_be_bytes([last[2], last[3]])),
        Action::Nothing | Action::Take(_) | Action::Refuse(_) | Action::Send(_) | Action::End => {
            None
        }
    }
}

#[test]
fn a_silent_listener_is_asked_and_stays() {
    let (mut machine, mut now) = machine();
    for _ in 0..100 {
        assert_eq!(machine.due(), now + seconds(30));
        now += seconds(30);
        assert_eq!(machine.on(Event::Tick, now), Action::Send(frame::ping()));
        now += seconds(19);
        machine.heard(now, false);
        assert_eq!(machine.on(Event::Pong, now), Action::Nothing);
    }
}

#[test]
fn a_dead_peer_is_found() {
    let (mut machine, now) = machine();
    assert_eq!(
        machine.on(Event::Tick, now + seconds(30)),
        Action::Send(frame::ping())
    );
    assert_eq!(machine.due(), now + seconds(50));
    let action = machine.on(Event::Tick, now + seconds(50));
    assert_eq!(code(&action), Some(1013));
    assert!(matches!(
        action,
        Action::Close {
            drop_rest: true,
            ..
        }
    ));
    assert_eq!(machine.on(Event::Tick, now + seconds(53)), Action::End);
    assert!(machine.is_ended());
}

#[test]
fn a_slow_reader_is_no_dead_peer() {
    let (mut machine, now) = machine();
    assert_eq!(
        machine.on(Event::Tick, now + seconds(30)),
        Action::Send(frame::ping())
    );
    machine.taken(now + seconds(49));
    assert_eq!(machine.on(Event::Tick, now + seconds(50)), Action::Nothing);
    assert_eq!(machine.due(), now + seconds(79));
}

#[test]
fn a_message_that_never_ends_is_cut() {
    let (mut machine, now) = machine();
    for second in (0..60).step_by(10) {
        machine.heard(now + seconds(second), true);
        assert_eq!(
            machine.on(Event::Tick, now + seconds(second)),
            Action::Nothing
        );
    }
    machine.heard(now + seconds(59), true);
    assert_eq!(machine.due(), now + seconds(60));
    assert_eq!(
        code(&machine.on(Event::Tick, now + seconds(60))),
        Some(1008)
    );
}

#[test]
fn the_farewell_from_here() {
    let (mut machine, now) = machine();
    assert_eq!(
        code(&machine.on(Event::Ending(Ending::SLOW), now)),
        Some(1013)
    );
    assert!(!machine.is_listening());
    assert_eq!(
        machine.on(Event::Request(Bytes::new()), now),
        Action::Nothing
    );
    assert_eq!(
        machine.on(Event::Ending(Ending::MISSED), now),
        Action::Nothing
    );
    assert_eq!(machine.on(Event::Sent, now), Action::Nothing);
    assert_eq!(machine.due(), now + seconds(3));
    assert_eq!(machine.on(Event::PeerCloses(Some(1013)), now), Action::End);
}

#[test]
fn the_farewell_from_there() {
    let (mut machine, now) = machine();
    assert_eq!(
        code(&machine.on(Event::PeerCloses(Some(1000)), now)),
        Some(1000)
    );
    assert_eq!(machine.on(Event::Sent, now), Action::End);
    let (mut machine, now) = self::machine();
    assert_eq!(
        machine.on(Event::PeerCloses(None), now),
        Action::Close {
            last: frame::close(None, ""),
            drop_rest: true
        }
    );
    assert_eq!(machine.on(Event::PeerGone, now), Action::End);
}

#[test]
fn both_at_once() {
    let (mut machine, now) = machine();
    machine.on(Event::Violated(Violation::TooLarge), now);
    assert_eq!(
        machine.on(Event::PeerCloses(Some(1000)), now),
        Action::Nothing
    );
    assert_eq!(machine.on(Event::Sent, now), Action::End);
}

#[test]
fn what_breaks_the_protocol_is_named() {
    for (violation, wanted) in [
        (Violation::Protocol("x"), 1002),
        (Violation::TooLarge, 1009),
        (Violation::NotText, 1007),
    ] {
        let (mut machine, now) = machine();
        assert_eq!(
            code(&machine.on(Event::Violated(violation), now)),
            Some(wanted)
        );
    }
}

#[test]
fn stopping_waits_for_what_is_in_hand_but_not_for_ever() {
    let (mut machine, now) = machine();
    assert_eq!(machine.on(Event::Idle, now), Action::Nothing);
    assert_eq!(machine.on(Event::Stopping, now), Action::Nothing);
    assert_eq!(
        machine.on(Event::Request(Bytes::from_static(b"x")), now),
        Action::Refuse(Bytes::from_static(b"x"))
    );
    assert_eq!(code(&machine.on(Event::Idle, now)), Some(1001));
    let (mut machine, now) = self::machine();
    machine.on(Event::Stopping, now);
    assert_eq!(machine.due(), now + seconds(10));
    assert_eq!(
        code(&machine.on(Event::Tick, now + seconds(10))),
        Some(1001)
    );
}

#[test]
fn the_end_is_final() {
    let (mut machine, now) = machine();
    assert_eq!(machine.on(Event::PeerGone, now), Action::End);
    for event in [
        Event::Tick,
        Event::Pong,
        Event::Stopping,
        Event::Request(Bytes::new()),
        Event::Sent,
    ] {
        assert_eq!(machine.on(event, now), Action::End);
    }
}
