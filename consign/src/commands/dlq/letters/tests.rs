use super::*;
use event_schema::{
    id::{EntityKey, RequestId},
    offset::{ChangesOffset, TransactionsOffset},
    outcome::DeadReason,
    position::{Position, Version},
};

const POSITION: Position = Position {
    generation: 1,
    partition: 2,
    offset: TransactionsOffset::new(7),
};

fn original(value: &[u8]) -> OriginalRecord {
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    OriginalRecord {
        key: Some(encode(b"a/b/c")),
        value: Some(encode(value)),
        headers: vec![(encode(b"ce_type"), encode(b"x"))],
    }
}

fn shown(value: &[u8]) -> Value {
    let letter = DeadLetter {
        request: RequestId::of_record("t", &POSITION),
        key: EntityKey("a/b/c".to_owned()),
        operation: Some("document.create".to_owned()),
        position: POSITION,
        version: Version::new(1, ChangesOffset::new(9)),
        reason: DeadReason {
            code: "undecodable".to_owned(),
            message: "not an event".to_owned(),
            store: None,
        },
        time: 0,
        original: original(value),
    };
    let parts = codec::encode_dead_letter(&letter);
    let record = Record {
        partition: 0,
        offset: 5,
        timestamp: 1_700_000_000_000,
        key: None,
        value: parts.value,
        headers: parts.headers,
    };
    serde_json::to_value(super::letter(record)).unwrap()
}

#[test]
fn the_original_is_shown_as_what_it_is() {
    let json = shown(br#"{"a": 1.0}"#);
    assert_eq!(json["original"]["value"]["a"], 1.0);
    assert_eq!(json["original"]["key"], "a/b/c");
    assert_eq!(json["original"]["headers"][0][0], "ce_type");
    assert_eq!((&json["offset"], &json["position"]), (&5.into(), &7.into()));
    assert_eq!(shown(b"plain text")["original"]["value"], "plain text");
    assert_eq!(
        shown(&[0xff, 0xfe])["original"]["value"]["base64"],
        STANDARD.encode([0xff, 0xfe])
    );
}

#[test]
fn what_is_no_dead_letter_is_said() {
    let record = Record {
        partition: 0,
        offset: 0,
        timestamp: 0,
        key: None,
        value: None,
        headers: Vec::new(),
    };
    assert!(serde_json::to_value(super::letter(record)).unwrap()["unreadable"].is_string());
}
