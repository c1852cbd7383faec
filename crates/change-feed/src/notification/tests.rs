//! A change is named by what it does to the document, and reaches a filter by what the document was
//! and is.

use super::*;
use crate::subscriber_scope;
use event_schema::{notification::Scope, to_raw};
use matching::{Filter, Options};
use serde_json::json;

fn notification(before: Option<Value>, after: Option<Value>) -> Notification {
    acted(DocumentAction::Merge, before, after)
}

fn acted(action: DocumentAction, before: Option<Value>, after: Option<Value>) -> Notification {
    let mut decision = crate::samples::decision(0, 9, "7", 1);
    decision.decided = 5;
    decision.documents[0] = DocumentChange {
        action,
        before: before.map(|body| to_raw(&body)),
        after: after.map(|body| to_raw(&body)),
        ..decision.documents[0].clone()
    };
    of_decision(&decision).remove(0)
}

#[test]
fn a_change_is_named_by_what_it_does() {
    let of = |before: Option<Value>, after: Option<Value>| notification(before, after).notice;
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
        (Some(crate::samples::position(9)), 5, Some(2))
    );
    let replace = acted(DocumentAction::Put, one(), two()).notice;
    assert_eq!(
        (replace.action.as_str(), replace.updated_fields),
        ("replace", None),
        "the change itself says so, whatever its operation is called"
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
        subscriber_scope(
            &filter(json!({"range": {"n": {"gte": 10}}})),
            &notification(before, after),
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
        subscriber_scope(&ids("7"), &notification(None, Some(json!({"_id": "8"})))),
        Some(Scope::In),
        "the document's own id counts"
    );
    assert_eq!(
        subscriber_scope(&ids("8"), &notification(None, Some(json!({"_id": "8"})))),
        None
    );
}
