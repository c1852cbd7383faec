//! A change is named by what it does to the document, and told to a filter by what the document was
//! and is.

use super::*;
use crate::scope;
use event_schema::{
    id::RequestId, mutation::DocumentKey, notification::Scope, raw, signing::Keyring,
};
use matching::{Filter, Options};
use serde_json::json;

fn telling(before: Option<Value>, after: Option<Value>) -> Telling {
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: "7".into(),
    };
    let change = DocumentChange {
        key,
        revision_before: 1,
        revision: 2,
        before: before.map(|body| raw(&body)),
        after: after.map(|body| raw(&body)),
    };
    let decision: Decision = serde_json::from_value(json!({
        "epoch": 0, "operation": "document.update", "tenant": "t", "catalog": "c", "verdict": "applied", "accepted": 0, "decided": 5,
        "request": RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [0; 16]),
        "position": {"generation": 1, "partition": 2, "offset": 9},
        "documents": [change],
    }))
    .unwrap();
    of_decision(&decision).remove(0)
}

#[test]
fn a_change_is_named_by_what_it_does() {
    let of = |before: Option<Value>, after: Option<Value>| telling(before, after).notice;
    let (one, two) = (
        || Some(json!({"n": 1})),
        || Some(json!({"n": 2, "m": {"x": 1}})),
    );
    let update = of(one(), two());
    assert_eq!(
        (update.action.as_str(), update.updated_fields),
        ("update", Some(vec!["n".to_owned(), "m.x".to_owned()]))
    );
    assert_eq!(
        (update.write, update.timestamp, update.version),
        (Some((2, 9)), 5, Some(2))
    );
    let create = of(None, one());
    assert_eq!(
        (create.action.as_str(), create.updated_fields),
        ("create", None)
    );
    let delete = of(one(), None);
    assert_eq!(
        (
            delete.action.as_str(),
            delete.source.unwrap().get().to_owned()
        ),
        ("delete", "{\"n\":1}".to_owned())
    );
}

#[test]
fn a_filter_is_told_of_what_comes_stays_leaves_or_goes() {
    let filter = |filter: Value| Filter::parse(&filter, &Options::default()).unwrap();
    let told = |before, after| {
        scope(
            &filter(json!({"range": {"n": {"gte": 10}}})),
            &telling(before, after),
        )
    };
    let (low, high) = (|| Some(json!({"n": 1})), || Some(json!({"n": 11})));
    assert_eq!(
        [
            told(None, high()),
            told(low(), high()),
            told(high(), high())
        ],
        [Some(Scope::In); 3]
    );
    assert_eq!(
        [told(high(), low()), told(high(), None)],
        [Some(Scope::Out); 2]
    );
    assert_eq!(
        [told(low(), low()), told(low(), None), told(None, low())],
        [None; 3]
    );
    let ids = |id: &str| filter(json!({"ids": {"values": [id]}}));
    assert_eq!(
        scope(&ids("7"), &telling(None, Some(json!({"_id": "8"})))),
        Some(Scope::In),
        "the document's own id counts"
    );
    assert_eq!(
        scope(&ids("8"), &telling(None, Some(json!({"_id": "8"})))),
        None
    );
}
