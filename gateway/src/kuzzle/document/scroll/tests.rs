use super::*;
use crate::{access::Caller, read::kept_searches::KeptSearches};
use event_schema::signing::Keyring;
use serde_json::value::RawValue;

#[test]
fn a_scroll_id_is_ours_whole_and_in_time() {
    let keys = Keyring::new(1, *b"0123456789abcdef");
    let caller = Caller::for_test("default", "anonymous");
    let text = || ScrollPart::Text(RawValue::from_string("{}".to_owned()).unwrap());
    let cursor = ScrollCursor {
        search: text(),
        position: text(),
        keep: 1_000,
        until: 1_005,
    };
    let id = cursor.sign(&keys, &caller);
    assert!(ScrollCursor::open(&id, &keys, &caller, 1_005).is_some());
    assert!(
        ScrollCursor::open(&id, &keys, &caller, 1_006).is_none(),
        "its time is over"
    );
    assert!(ScrollCursor::open(&id, &Keyring::new(1, *b"another secret!!"), &caller, 5).is_none());
    assert!(ScrollCursor::open(&format!("A{id}"), &keys, &caller, 5).is_none());
    let other = Caller::for_test("default", "another");
    assert!(
        ScrollCursor::open(&id, &keys, &other, 5).is_none(),
        "it is another principal's"
    );
    for nonsense in ["", ".", "a.b", "é.é"] {
        assert!(ScrollCursor::open(nonsense, &keys, &caller, 5).is_none());
    }
}

#[test]
fn what_is_kept_for_scrolls_is_bounded_and_expires() {
    let kept = KeptSearches::new(2, 100);
    assert!(kept.admit("a", 60, 10, 0).is_ok());
    assert!(kept.admit("b", 50, 10, 0).is_err(), "the bytes are taken");
    assert!(kept.admit("b", 40, 20, 0).is_ok());
    assert!(kept.admit("c", 0, 20, 0).is_err(), "the number is taken");
    assert!(kept.admit("a", 60, 20, 5).is_ok(), "in its own place");
    assert!(kept.admit("c", 0, 20, 15).is_err());
    assert!(
        kept.admit("c", 100, 40, 25).is_ok(),
        "their time is over at 20"
    );
}

#[test]
fn durations_and_orders() {
    assert_eq!(
        (
            parse_duration("30s").unwrap(),
            parse_duration("1m").unwrap(),
            parse_duration("250ms").unwrap()
        ),
        (30_000, 60_000, 250)
    );
    for bad in ["", "5", "m", "-1s", "99d", "1y", "9999999999999999999d"] {
        assert!(parse_duration(bad).is_err(), "{bad}");
    }
    assert_eq!(total_order(None), json!([{"_id": "asc"}]));
    assert_eq!(
        total_order(Some(json!({"a": "desc"}))),
        json!([{"a": "desc"}, {"_id": "asc"}])
    );
    assert_eq!(
        total_order(Some(json!(["a", {"_id": "desc"}]))),
        json!(["a", {"_id": "desc"}])
    );
}
