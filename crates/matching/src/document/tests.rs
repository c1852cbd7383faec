use serde_json::{Value, json};

use super::Document;
use crate::field::FieldPath;

fn get(document: &Value, path: &str) -> Option<Value> {
    let document = Document::new(document);
    let found = document.get(&FieldPath::new(path)).cloned();
    let mut last = None;
    document.each_field(&mut |field, value| {
        if field == path {
            last = Some(value.clone());
        }
    });
    assert_eq!(found, last, "lookup and walk agree on {path}");
    found
}

#[test]
fn paths_lead_through_objects_but_not_arrays() {
    let document = json!({"a": {"b": {"c": 1}, "d": null}, "e": [{"f": 1}]});
    assert_eq!(get(&document, "a.b.c"), Some(json!(1)));
    assert_eq!(get(&document, "a.b"), Some(json!({"c": 1})));
    assert_eq!(get(&document, "a.d"), Some(Value::Null));
    assert_eq!(get(&document, "a.d.x"), None);
    assert_eq!(get(&document, "e.f"), None);
    assert_eq!(get(&document, "e.0"), None);
}

#[test]
fn a_literal_dotted_key_is_the_same_field_and_the_later_one_counts() {
    assert_eq!(get(&json!({"a.b": 1}), "a.b"), Some(json!(1)));
    assert_eq!(
        get(&json!({"a.b": 1, "a": {"b": 2}}), "a.b"),
        Some(json!(2))
    );
    assert_eq!(
        get(&json!({"a": {"b": 2}, "a.b": 1}), "a.b"),
        Some(json!(1))
    );
    assert_eq!(
        get(&json!({"a.b": {"c": 1}, "a": {"b.c": 2}}), "a.b.c"),
        Some(json!(2))
    );
    assert_eq!(
        get(&json!({"a": {"b.c": 2}, "a.b": {"x": 1}}), "a.b.c"),
        Some(json!(2))
    );
}

#[test]
fn empty_keys_are_keys() {
    assert_eq!(get(&json!({"": {"a": 1}}), ".a"), Some(json!(1)));
    assert_eq!(get(&json!({"": {"a": 1}}), "a"), None);
    assert_eq!(get(&json!({"a": {"": 1}}), "a."), Some(json!(1)));
    assert_eq!(get(&json!({"": 1}), ""), Some(json!(1)));
}

#[test]
fn an_element_is_the_field_value() {
    let element = json!({"x": {"y": 1}, "p.q": 2});
    let document = Document::of_element(&element);
    assert_eq!(document.get(&FieldPath::new("value")), Some(&element));
    assert_eq!(document.get(&FieldPath::new("value.x.y")), Some(&json!(1)));
    assert_eq!(document.get(&FieldPath::new("value.p.q")), Some(&json!(2)));
    assert_eq!(document.get(&FieldPath::new("x")), None);
    assert_eq!(document.get(&FieldPath::new("valuex")), None);
}

#[test]
fn what_is_no_object_has_no_fields() {
    for value in [json!(1), json!([1]), json!(null), json!("a")] {
        assert_eq!(get(&value, "a"), None);
    }
}
