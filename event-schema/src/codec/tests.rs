//! What is encoded comes back; what is not an event is named.

use super::*;
use crate::{decision::Decision, mutation::*, outcome::*, signing::Keyring};

#[test]
fn records_of_security_come_back_and_a_gateway_that_ended_is_a_tombstone() {
    use crate::security::{SecurityBeacon, SecurityChange, SecurityRecord, SecuritySubject};
    let change = SecurityChange {
        version: crate::position::Version(9),
    };
    let beacon = SecurityBeacon {
        number: 3,
        folded: 12,
        asks: false,
    };
    let instance = || "5f".to_owned();
    let records = [
        SecurityRecord::Changed(SecuritySubject::Rights, change),
        SecurityRecord::Changed(SecuritySubject::Account("a/b".into()), change),
        SecurityRecord::Beacon {
            instance: instance(),
            beacon,
        },
        SecurityRecord::GatewayEnded {
            instance: instance(),
        },
    ];
    for record in records {
        let parts = encode_security(&record);
        assert_eq!(decode_security(&parts).unwrap(), record);
    }
    let ended = encode_security(&SecurityRecord::GatewayEnded {
        instance: instance(),
    });
    assert_eq!(ended.value, None);
}

fn id() -> RequestId {
    RequestId::mint(
        &Keyring::new(1, *b"a secret of thirty-two bytes....."),
        1,
        3,
        [7; 16],
    )
}

fn transaction() -> Transaction {
    Transaction {
        attributes: Attributes {
            id: id(),
            tenant: "default".into(),
            operation: "document.create".into(),
            catalog: "c1".into(),
            key: EntityKey("geo/cities/1".into()),
            time: 1_700_000_000_123,
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        },
        seen: TransactionsOffset::new(7),
        data: TransactionData {
            request: serde_json::from_str(
                r#"{"index":"geo","body":{"n":1.10,"big":12345678901234567890}}"#,
            )
            .unwrap(),
            generated: serde_json::Map::new(),
            incarnations: serde_json::Map::new(),
            volatile: None,
            if_version: Some(3),
            claim: None,
            reply: None,
            origin: None,
            principal: "anonymous".into(),
            unconfirmed: None,
        },
    }
}

#[test]
fn a_transaction_comes_back_to_the_byte() {
    let event = transaction();
    let back = decode_transaction(&encode_transaction(&event)).unwrap();
    assert_eq!(back.attributes, event.attributes);
    assert_eq!(back.data.request.get(), event.data.request.get());
    assert_eq!(back.data.if_version, Some(3));
}

#[test]
fn a_decision_carries_bodies_untouched() {
    let body: crate::Raw = serde_json::from_str(r#"{"a":1.0,  "b":[1,2]}"#).unwrap();
    let mut decision: serde_json::Value = serde_json::json!({
        "epoch": 4, "at": 9, "key": "i/c/1", "operation": "document.create", "tenant": "t",
        "catalog": "c", "accepted": 1, "decided": 2, "request": id(),
        "position": {"generation": 1, "partition": 3, "offset": 9},
        "verdict": {"refused": {"code": "exists", "message": "there"}},
    });
    decision["documents"] = serde_json::json!([]);
    let mut decision: Decision = serde_json::from_value(decision).unwrap();
    decision.documents = vec![DocumentChange {
        key: DocumentKey {
            index: "i".into(),
            collection: "c".into(),
            incarnation: "x".into(),
            id: "1".into(),
        },
        action: DocumentAction::Put,
        revision_before: 0,
        revision: 1,
        before: None,
        after: Some(body.clone()),
        purged: false,
    }];
    let parts = encode_change(&Change::Decision(decision));
    assert_eq!(parts.key.as_deref(), Some(&b"i/c/1"[..]));
    let Change::Decision(back) = decode_change(&parts).unwrap() else {
        panic!("another type")
    };
    assert_eq!(back.documents[0].after.as_ref().unwrap().get(), body.get());
    assert!(matches!(
        back.verdict,
        Verdict::Refused(Refusal {
            code: RefusalCode::Exists,
            ..
        })
    ));
}

#[test]
fn what_is_not_an_event_is_named() {
    let whole = encode_transaction(&transaction());
    for name in [
        "ce_type",
        "ce_id",
        "ce_operation",
        "ce_time",
        "ce_partitionkey",
        SEEN_HEADER,
    ] {
        let mut parts = whole.clone();
        parts.headers.retain(|(n, _)| n != name);
        assert!(
            matches!(decode_transaction(&parts), Err(DecodeError::MissingHeader(n)) if n == name),
            "{name}"
        );
    }
    let with_level = |level: Option<&str>| {
        let mut parts = whole.clone();
        parts.headers.retain(|(name, _)| name != LEVEL_HEADER);
        let level = level.map(|level| (LEVEL_HEADER.into(), level.to_owned().into()));
        parts.headers.extend(level);
        decode_transaction(&parts)
    };
    for known in ["0", "1", "2"] {
        assert!(with_level(Some(known)).is_ok(), "{known}");
    }
    assert!(matches!(with_level(None), Err(DecodeError::NoLevel)));
    assert!(matches!(
        with_level(Some("3")),
        Err(DecodeError::NewerLevel { level: 3 })
    ));
    assert!(matches!(
        with_level(Some("x")),
        Err(DecodeError::BadHeader(LEVEL_HEADER, _))
    ));
    let mut parts = whole.clone();
    parts.value = None;
    assert!(matches!(
        decode_transaction(&parts),
        Err(DecodeError::NoValue)
    ));
    parts.value = Some(Bytes::from_static(b"{\"request\""));
    assert!(matches!(
        decode_transaction(&parts),
        Err(DecodeError::BadValue(_))
    ));
    assert!(matches!(
        decode_change(&whole),
        Err(DecodeError::UnknownType(_))
    ));
}

#[test]
fn a_record_that_cannot_be_written_leaves_nothing_in_the_next() {
    struct EndsHalfWay;
    impl serde::Serialize for EndsHalfWay {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{Error, SerializeSeq};
            let mut list = serializer.serialize_seq(None)?;
            list.serialize_element("half")?;
            Err(S::Error::custom("no more"))
        }
    }
    assert!(std::panic::catch_unwind(|| to_bytes(&EndsHalfWay)).is_err());
    assert_eq!(to_bytes(&[1, 2]), "[1,2]");
}
