use super::{DecidedMoment, MomentFound};
use audit::StandingRecord;
use event_schema::{
    decision::{Change, Decision},
    id::RequestId,
    offset::{ChangesOffset, TransactionsOffset},
    position::Position,
    signing::Keyring,
};
use serde_json::json;

fn position(offset: u64) -> Position {
    Position {
        generation: 1,
        partition: 0,
        offset: TransactionsOffset::new(offset),
    }
}

/// The event at `event`, decided at `at`; `replaces`: after it was decided there.
fn decision(event: u64, at: u64, replaces: Option<u64>) -> Change {
    let keys = Keyring::new(1, *b"0123456789abcdef");
    let decision: Decision = serde_json::from_value(json!({
        "epoch": 0, "at": at, "key": "k", "operation": "o", "tenant": "t", "catalog": "c",
        "request": RequestId::mint(&keys, 1, 0, [event as u8; 16]), "position": position(event),
        "replaces": replaces, "verdict": "applied", "accepted": 0, "decided": 0,
    }))
    .unwrap();
    Change::Decision(decision)
}

/// Where the event at `wanted` is found in these records, each (event, offset, what it replaces).
fn moment(
    wanted: u64,
    is_whole: bool,
    records: &[(u64, u64, Option<u64>)],
    resolved: u64,
) -> MomentFound {
    let mut moment = DecidedMoment::new(position(wanted), is_whole);
    for (event, at, replaces) in records {
        let change = decision(*event, *at, *replaces);
        moment.take(&StandingRecord {
            partition: 0,
            offset: ChangesOffset::new(*at),
            time: 0,
            change: &change,
        });
    }
    moment.found(TransactionsOffset::new(resolved), ChangesOffset::new(100))
}

fn before(offset: u64) -> MomentFound {
    MomentFound::Before(ChangesOffset::new(offset))
}

/// Event 1 dies at offset 11, and is decided anew at 20.
const LATE: &[(u64, u64, Option<u64>)] = &[
    (0, 10, None),
    (1, 11, None),
    (2, 12, None),
    (3, 13, None),
    (1, 20, Some(11)),
];

#[test]
fn an_event_that_is_decided_late_stands_behind_what_was_decided_before() {
    assert_eq!(moment(2, true, LATE, 4), before(13));
    assert_eq!(moment(3, true, LATE, 4), before(14));
    assert_eq!(moment(1, true, LATE, 4), before(21), "its own is the last");
}

#[test]
fn a_repeat_is_placed_before_the_first_later_event() {
    let repeats = [
        (0, 10, None),
        (1, 11, None),
        (5, 12, None),
        (1, 20, Some(11)),
    ];
    assert_eq!(moment(3, true, &repeats, 6), before(12));
    assert_eq!(
        moment(7, true, &repeats, 8),
        before(100),
        "nothing came after it"
    );
    assert_eq!(moment(7, true, &repeats, 7), MomentFound::NotDecided);
}

#[test]
fn what_the_log_does_not_reach_back_to_is_gone() {
    assert_eq!(moment(0, false, &LATE[2..], 4), MomentFound::Gone);
    assert_eq!(moment(0, false, &[], 4), MomentFound::Gone);
    assert_eq!(moment(2, false, &LATE[2..], 4), before(13));
    // A repeat of which an earlier event is kept.
    assert_eq!(
        moment(3, false, &[(2, 12, None), (4, 13, None)], 5),
        before(13)
    );
}
