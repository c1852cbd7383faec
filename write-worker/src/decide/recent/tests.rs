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
    let mut recent = RecentRequests::new(10, at(100));
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
    let mut recent = RecentRequests::new(3, at(0));
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
