//! Mappings with our member, and what counts as drift.

use super::{Mappings, compare_mappings, index_mappings};
use serde_json::{Value, json};
use store::contract::Fixture;

fn drift(wanted: Value, standing: Value) -> Vec<String> {
    let mut drift = Vec::new();
    compare_mappings(&wanted, &standing, "", &mut drift);
    drift
}

#[test]
fn our_member_joins_what_was_given() {
    let f =
        Fixture::with_mappings(json!({"dynamic": "strict", "properties": {"n": {"type": "long"}}}));
    let found = index_mappings(&f.collection).expect("an object");
    assert_eq!(
        (&found["dynamic"], &found["properties"]["n"]["type"]),
        (&json!("strict"), &json!("long"))
    );
    assert_eq!(
        found["properties"]["_consign"]["properties"]["deleted"]["type"],
        "boolean"
    );
    assert!(index_mappings(&Fixture::new().collection).is_ok());
    assert!(
        index_mappings(&Fixture::with_mappings(json!({"properties": {"_consign": {}}})).collection)
            .is_err()
    );
}

#[test]
fn drift_is_what_differs_and_nothing_more() {
    let standing = json!({"dynamic": "false", "properties": {"n": {"type": "long"}, "o": {"properties": {"k": {"type": "keyword"}}}, "more": {"type": "text"}}});
    let same = json!({"dynamic": false, "properties": {"n": {"type": "long"}, "o": {"type": "object", "properties": {"k": {"type": "keyword"}}}, "o.k": {"type": "keyword"}}});
    assert_eq!(drift(same, standing.clone()), Vec::<String>::new());
    let other = json!({"properties": {"n": {"type": "date", "format": "epoch_millis"}, "t": {"type": "text"}, "o": {"properties": {"k": {"type": "long"}}}}});
    let expected = [
        "field n: type is long, not date",
        "field n: format is not set, not epoch_millis",
        "field t is missing",
        "field o: field k: type is keyword, not long",
    ];
    assert_eq!(drift(other, standing), expected);
}

#[test]
fn a_mapping_is_read_once_and_again_when_it_changed() {
    let known = Mappings::default();
    let mut f = Fixture::with_mappings(json!({"properties": {"n": {"type": "long"}}}));
    let of = |c: &store::Collection, slot: &str| {
        known.of(c, c.mappings.as_ref(), slot).expect("a mapping")
    };
    let first = of(&f.collection, "");
    assert!(std::sync::Arc::ptr_eq(&first, &of(&f.collection, "")));
    f.collection.mappings = None;
    assert_ne!(first, of(&f.collection, "+"), "what is about to stand");
    assert_ne!(first, of(&f.collection, ""));
}
