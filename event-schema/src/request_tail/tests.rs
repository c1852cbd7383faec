//! What a tail says of records, and what it does not.

use super::*;
use crate::signing::Keyring;

fn request(byte: u8) -> RequestId {
    RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [byte; 16])
}

#[test]
fn each_of_the_last_records_is_known_by_its_place() {
    let mut tail = RequestTail::default();
    assert!(tail.is_unknown() && tail.may_be(0, &request(9)));
    for byte in 1..=40 {
        tail.push(1, &request(byte));
    }
    for back in 0..32 {
        assert!(tail.may_be(u64::from(back), &request(40 - back)), "{back}");
        assert!(!tail.may_be(u64::from(back), &request(41 - back)), "{back}");
    }
    assert!(tail.may_be(32, &request(99)), "nothing is said of it");
}

#[test]
fn of_what_was_passed_over_nothing_is_said() {
    let mut tail = RequestTail::default();
    tail.push(1, &request(1));
    tail.push(3, &request(2));
    assert!(tail.may_be(0, &request(2)) && !tail.may_be(0, &request(1)));
    assert!(tail.may_be(1, &request(9)) && tail.may_be(2, &request(9)));
    let known: Vec<u64> = (0..40).filter(|back| tail.is_known(*back)).collect();
    assert_eq!(known, [0, 3]);
    assert!(tail.may_be(3, &request(1)) && !tail.may_be(3, &request(9)));
    tail.push(u64::MAX, &request(3));
    assert!(!tail.may_be(0, &request(1)) && tail.may_be(1, &request(9)));
}

#[test]
fn it_is_read_as_it_was_written() {
    let mut tail = RequestTail::default();
    tail.push(1, &request(1));
    tail.push(3, &request(2));
    let text = serde_json::to_string(&tail).unwrap();
    assert_eq!(serde_json::from_str::<RequestTail>(&text).unwrap(), tail);
    for damaged in [r#""AAAA""#, r#""*""#, "3"] {
        assert!(
            serde_json::from_str::<RequestTail>(damaged).is_err(),
            "{damaged}"
        );
    }
    let longer = format!("\"{}\"", BASE64.encode([7; 200]));
    assert!(serde_json::from_str::<RequestTail>(&longer).is_ok());
}
