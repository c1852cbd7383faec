//! Scope follows from before and after, and from nothing else.

use super::*;
use event_schema::{mutation::DocumentKey, raw};
use matching::{Filter, Options};
use serde_json::json;

fn change(before: Option<Value>, after: Option<Value>) -> DocumentChange {
    let key = DocumentKey { index: "i".into(), collection: "c".into(), incarnation: "x".into(), id: "7".into() };
    DocumentChange { key, revision_before: 1, revision: 2, before: before.map(|body| raw(&body)), after: after.map(|body| raw(&body)) }
}

fn told(filter: Value, before: Option<Value>, after: Option<Value>) -> Option<Scope> {
    let mut rooms = Rooms::default();
    rooms.enter("i", "c", &Filter::parse(&filter, &Options::default()).unwrap());
    let told = notify(&rooms, &change(before, after));
    assert!(told.len() <= 1);
    told.first().map(|notification| notification.scope)
}

#[test]
fn a_document_that_comes_stays_leaves_or_goes() {
    let filter = json!({"range": {"n": {"gte": 10}}});
    let (low, high) = (Some(json!({"n": 1})), Some(json!({"n": 11})));
    assert_eq!(told(filter.clone(), None, high.clone()), Some(Scope::In));
    assert_eq!(told(filter.clone(), low.clone(), high.clone()), Some(Scope::In));
    assert_eq!(told(filter.clone(), high.clone(), high.clone()), Some(Scope::In));
    assert_eq!(told(filter.clone(), high.clone(), low.clone()), Some(Scope::Out));
    assert_eq!(told(filter.clone(), high, None), Some(Scope::Out));
    assert_eq!(told(filter.clone(), low.clone(), None), None);
    assert_eq!(told(filter, None, low), None);
}

#[test]
fn filters_see_the_id_and_other_collections_hear_nothing() {
    assert_eq!(told(json!({"ids": {"values": ["7"]}}), None, Some(json!({}))), Some(Scope::In));
    assert_eq!(told(json!({"ids": {"values": ["8"]}}), None, Some(json!({}))), None);
    let mut rooms = Rooms::default();
    rooms.enter("i", "other", &Filter::parse(&json!({}), &Options::default()).unwrap());
    assert!(notify(&rooms, &change(None, Some(json!({})))).is_empty());
}
