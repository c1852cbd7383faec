//! What is a repeat, what is none, and what only the ledger knows.

use super::*;
use event_schema::signing::Keyring;

fn request(number: u64) -> RequestId {
    let mut unique = [0; 16];
    unique[..8].copy_from_slice(&number.to_be_bytes());
    RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, unique)
}

fn at(offset: u64) -> TransactionsOffset {
    TransactionsOffset::new(offset)
}

#[test]
fn memory_answers_for_what_was_made_since_it_began() {
    let mut recent = RecentRequests::new(10, at(100), at(0));
    recent.insert(&request(1), at(100));
    assert_eq!(recent.repeats(&request(1), at(120), at(90)), Repeats::Yes);
    assert_eq!(recent.repeats(&request(1), at(100), at(90)), Repeats::No);
    assert_eq!(recent.repeats(&request(2), at(121), at(100)), Repeats::No);
    assert_eq!(
        recent.repeats(&request(2), at(121), at(99)),
        Repeats::AskLedger,
        "a copy may stand at 99, decided by an owner before"
    );
    assert_eq!(
        recent.repeats(&request(2), at(121), at(0)),
        Repeats::AskLedger,
        "derived from an idempotency key: a copy may stand anywhere"
    );
}

/// A copy whose first was forgotten here is never taken for new.
#[test]
fn what_is_forgotten_is_asked_for() {
    let mut recent = RecentRequests::new(3, at(0), at(100));
    for number in 0..5 {
        recent.insert(&request(number), at(10 * number));
    }
    for number in 0..5 {
        let expected = if number < 2 {
            Repeats::AskLedger
        } else {
            Repeats::Yes
        };
        let seen = at(10 * number);
        assert_eq!(recent.repeats(&request(number), at(99), seen), expected);
    }
    assert_eq!(recent.repeats(&request(9), at(99), at(11)), Repeats::No);
}

/// The ledger has no row yet of what is decided and not applied: to ask it would make a copy a new
/// event.
#[test]
fn what_the_ledger_may_not_know_is_remembered_whatever_the_bound() {
    let mut recent = RecentRequests::new(2, at(0), at(0));
    for number in 0..6 {
        recent.insert(&request(number), at(number));
    }
    for number in 0..6 {
        let answer = recent.repeats(&request(number), at(99), at(number));
        assert_eq!(answer, Repeats::Yes, "request {number}");
    }
    recent.resolved(at(3));
    assert_eq!(
        recent.repeats(&request(2), at(99), at(2)),
        Repeats::AskLedger
    );
    assert_eq!(recent.repeats(&request(3), at(99), at(3)), Repeats::Yes);
    recent.resolved(at(6));
    assert_eq!(
        recent.repeats(&request(3), at(99), at(3)),
        Repeats::AskLedger
    );
    assert_eq!(recent.repeats(&request(5), at(99), at(5)), Repeats::Yes);
}
