//! What is encoded comes back; what is not an event is named.

use super::*;
use crate::{mutation::*, outcome::*, position::Position, raw, signing::Keyring};

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
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: "1".into(),
    };
    let decision = Decision {
        epoch: 4,
        request: id(),
        operation: "document.create".into(),
        tenant: "t".into(),
        catalog: "c".into(),
        position: Position {
            generation: 1,
            partition: 3,
            offset: 9,
        },
        verdict: Verdict::Refused(Refusal {
            code: RefusalCode::Exists,
            message: "there".into(),
            pointer: None,
        }),
        documents: vec![DocumentChange {
            key,
            revision_before: 0,
            revision: 1,
            before: None,
            after: Some(body.clone()),
        }],
        rows: vec![],
        judged_by: Vec::new(),
        judged_by_rows: Vec::new(),
        result: Some(raw(&1)),
        volatile: None,
        accepted: 1,
        decided: 2,
        reply: None,
        origin: None,
    };
    let Change::Decision(back) =
        decode_change(&encode_change(&Change::Decision(decision), None)).unwrap()
    else {
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
    ] {
        let mut parts = whole.clone();
        parts.headers.retain(|(n, _)| n != name);
        assert!(
            matches!(decode_transaction(&parts), Err(DecodeError::MissingHeader(n)) if n == name),
            "{name}"
        );
    }
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
