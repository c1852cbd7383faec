use super::*;

const TIMEOUTS: ConnectionTimeouts = ConnectionTimeouts {
    ping_after: Duration::from_secs(30),
    pong_within: Duration::from_secs(20),
    message_within: Duration::from_secs(60),
    close_within: Duration::from_secs(3),
    drain_within: Duration::from_secs(10),
};

fn machine() -> (ConnectionMachine, Instant) {
    let now = Instant::now();
    (ConnectionMachine::new(TIMEOUTS, now), now)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The code of a close.
fn code(action: &ConnectionAction) -> Option<u16> {
    match action {
        ConnectionAction::Close { last, .. } => Some(u16::from_be_bytes([last[2], last[3]])),
        ConnectionAction::Nothing
        | ConnectionAction::Take(_)
        | ConnectionAction::Refuse(_)
        | ConnectionAction::Send(_)
        | ConnectionAction::End => None,
    }
}

#[test]
fn a_silent_listener_is_asked_and_stays() {
    let (mut machine, mut now) = machine();
    for _ in 0..100 {
        assert_eq!(machine.due(), now + seconds(30));
        now += seconds(30);
        assert_eq!(
            machine.on(ConnectionEvent::Tick, now),
            ConnectionAction::Send(frame::ping_frame())
        );
        now += seconds(19);
        machine.heard(now, false);
        assert_eq!(
            machine.on(ConnectionEvent::Pong, now),
            ConnectionAction::Nothing
        );
    }
}

#[test]
fn a_dead_peer_is_found() {
    let (mut machine, now) = machine();
    assert_eq!(
        machine.on(ConnectionEvent::Tick, now + seconds(30)),
        ConnectionAction::Send(frame::ping_frame())
    );
    assert_eq!(machine.due(), now + seconds(50));
    let action = machine.on(ConnectionEvent::Tick, now + seconds(50));
    assert_eq!(code(&action), Some(1013));
    assert!(matches!(
        action,
        ConnectionAction::Close {
            drop_rest: true,
            ..
        }
    ));
    assert_eq!(
        machine.on(ConnectionEvent::Tick, now + seconds(53)),
        ConnectionAction::End
    );
    assert!(machine.is_ended());
}

#[test]
fn a_slow_reader_is_no_dead_peer() {
    let (mut machine, now) = machine();
    assert_eq!(
        machine.on(ConnectionEvent::Tick, now + seconds(30)),
        ConnectionAction::Send(frame::ping_frame())
    );
    machine.taken(now + seconds(49));
    assert_eq!(
        machine.on(ConnectionEvent::Tick, now + seconds(50)),
        ConnectionAction::Nothing
    );
    assert_eq!(machine.due(), now + seconds(79));
}

#[test]
fn a_message_that_never_ends_is_cut() {
    let (mut machine, now) = machine();
    for second in (0..60).step_by(10) {
        machine.heard(now + seconds(second), true);
        assert_eq!(
            machine.on(ConnectionEvent::Tick, now + seconds(second)),
            ConnectionAction::Nothing
        );
    }
    machine.heard(now + seconds(59), true);
    assert_eq!(machine.due(), now + seconds(60));
    assert_eq!(
        code(&machine.on(ConnectionEvent::Tick, now + seconds(60))),
        Some(1008)
    );
}

#[test]
fn the_farewell_from_here() {
    let (mut machine, now) = machine();
    assert_eq!(
        code(&machine.on(ConnectionEvent::CloseRequested(CloseReason::TOO_SLOW), now)),
        Some(1013)
    );
    assert!(!machine.is_listening());
    assert_eq!(
        machine.on(ConnectionEvent::Message(Bytes::new()), now),
        ConnectionAction::Nothing
    );
    assert_eq!(
        machine.on(ConnectionEvent::CloseRequested(CloseReason::TOO_SLOW), now),
        ConnectionAction::Nothing
    );
    assert_eq!(
        machine.on(ConnectionEvent::Sent, now),
        ConnectionAction::Nothing
    );
    assert_eq!(machine.due(), now + seconds(3));
    assert_eq!(
        machine.on(ConnectionEvent::PeerCloses(Some(1013)), now),
        ConnectionAction::End
    );
}

#[test]
fn the_farewell_from_there() {
    let (mut machine, now) = machine();
    assert_eq!(
        code(&machine.on(ConnectionEvent::PeerCloses(Some(1000)), now)),
        Some(1000)
    );
    assert_eq!(
        machine.on(ConnectionEvent::Sent, now),
        ConnectionAction::End
    );
    let (mut machine, now) = self::machine();
    assert_eq!(
        machine.on(ConnectionEvent::PeerCloses(None), now),
        ConnectionAction::Close {
            last: frame::close_frame(None, ""),
            drop_rest: true
        }
    );
    assert_eq!(
        machine.on(ConnectionEvent::PeerGone, now),
        ConnectionAction::End
    );
}

#[test]
fn both_at_once() {
    let (mut machine, now) = machine();
    machine.on(
        ConnectionEvent::ProtocolViolated(ProtocolViolation::TooLarge),
        now,
    );
    assert_eq!(
        machine.on(ConnectionEvent::PeerCloses(Some(1000)), now),
        ConnectionAction::Nothing
    );
    assert_eq!(
        machine.on(ConnectionEvent::Sent, now),
        ConnectionAction::End
    );
}

#[test]
fn what_breaks_the_protocol_is_named() {
    for (violation, wanted) in [
        (ProtocolViolation::Framing("x"), 1002),
        (ProtocolViolation::TooLarge, 1009),
        (ProtocolViolation::InvalidPayload, 1007),
    ] {
        let (mut machine, now) = machine();
        assert_eq!(
            code(&machine.on(ConnectionEvent::ProtocolViolated(violation), now)),
            Some(wanted)
        );
    }
}

#[test]
fn stopping_waits_for_what_is_in_hand_but_not_for_ever() {
    let (mut machine, now) = machine();
    assert_eq!(
        machine.on(ConnectionEvent::Idle, now),
        ConnectionAction::Nothing
    );
    assert_eq!(
        machine.on(ConnectionEvent::Stopping, now),
        ConnectionAction::Nothing
    );
    assert_eq!(
        machine.on(ConnectionEvent::Message(Bytes::from_static(b"x")), now),
        ConnectionAction::Refuse(Bytes::from_static(b"x"))
    );
    assert_eq!(code(&machine.on(ConnectionEvent::Idle, now)), Some(1001));
    let (mut machine, now) = self::machine();
    machine.on(ConnectionEvent::Stopping, now);
    assert_eq!(machine.due(), now + seconds(10));
    assert_eq!(
        code(&machine.on(ConnectionEvent::Tick, now + seconds(10))),
        Some(1001)
    );
}

#[test]
fn the_end_is_final() {
    let (mut machine, now) = machine();
    assert_eq!(
        machine.on(ConnectionEvent::PeerGone, now),
        ConnectionAction::End
    );
    for event in [
        ConnectionEvent::Tick,
        ConnectionEvent::Pong,
        ConnectionEvent::Stopping,
        ConnectionEvent::Message(Bytes::new()),
        ConnectionEvent::Sent,
    ] {
        assert_eq!(machine.on(event, now), ConnectionAction::End);
    }
}
