//! The laws of merging: the same as merging parsed values, with untouched text kept.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn raw(text: &str) -> Raw {
    serde_json::from_str(text).unwrap()
}

fn merged(base: &str, changes: &str) -> String {
    merge_deep(&raw(base), &raw(changes))
        .unwrap()
        .get()
        .to_owned()
}

#[test]
fn objects_merge_anything_else_is_replaced() {
    assert_eq!(
        merged(
            r#"{"a":{"x":1,"y":[1,2]},"b":1}"#,
            r#"{"a":{"y":[3],"z":null},"c":{}}"#
        ),
        r#"{"a":{"x":1,"y":[3],"z":null},"b":1,"c":{}}"#
    );
    assert_eq!(merged(r#"{"a":{"x":1}}"#, r#"{"a":2}"#), r#"{"a":2}"#);
    assert_eq!(merged(r#"{"a":2}"#, r#"{"a":{"x":1}}"#), r#"{"a":{"x":1}}"#);
    assert_eq!(merged("{}", "{}"), "{}");
}

#[test]
fn untouched_text_stays_to_the_byte() {
    let base = r#"{"price":1.10,"big":123456789012345678901234567890,"list":[ 1,  2 ],"e":1E2,"in":{"k":0.10,"l":1}}"#;
    let expected = r#"{"price":1.10,"big":123456789012345678901234567890,"list":[ 1,  2 ],"e":1E2,"in":{"k":0.10,"l":2}}"#;
    assert_eq!(merged(base, r#"{"in":{"l":2}}"#), expected);
}

#[test]
fn of_equal_names_the_last_counts_once() {
    assert_eq!(
        merged(r#"{"a":1,"a":{"x":1}}"#, r#"{"b":1,"b":2,"a":{"y":2}}"#),
        r#"{"a":{"x":1,"y":2},"b":2}"#
    );
}

#[test]
fn what_cannot_be_merged_is_said() {
    assert_eq!(
        merge_deep(&raw("[]"), &raw("{}")).unwrap_err(),
        MergeError::NotAnObject
    );
    let deep_text = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    assert_eq!(
        merge_deep(&raw(&deep_text), &raw(&deep_text)).unwrap_err(),
        MergeError::TooDeep
    );
    assert_eq!(
        merged(&deep_text, r#"{"b":1}"#).len(),
        deep_text.len() + 6,
        "what is not touched may nest as it likes"
    );
    let path = "a.".repeat(100_000) + "a";
    assert_eq!(
        remove_paths(&raw(&deep_text), &[&path]).unwrap_err(),
        MergeError::TooDeep
    );
}

#[test]
fn fields_go_by_dotted_path() {
    let base = r#"{"a":{"b":1.0,"c":{"d":2}},"a.b":3,"l":[{"b":1}],"e":{}}"#;
    let gone = |paths: &[&str]| remove_paths(&raw(base), paths).unwrap().get().to_owned();
    assert_eq!(
        gone(&["a.b"]),
        r#"{"a":{"b":1.0,"c":{"d":2}},"l":[{"b":1}],"e":{}}"#,
        "a member of that very name goes first"
    );
    assert_eq!(
        gone(&["a.c.d", "e"]),
        r#"{"a":{"b":1.0,"c":{}},"a.b":3,"l":[{"b":1}]}"#
    );
    assert_eq!(
        gone(&["l.b", "x.y", "a.b.c", "", "."]),
        base,
        "paths that lead nowhere change nothing"
    );
    assert_eq!(gone(&["a", "a.b", "l", "e"]), "{}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c.é\"]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object_of(inner).prop_map(Value::Object),
        ]
    })
}

fn object_of(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[a-c.é]{0,2}", inner), 0..4)
        .prop_map(|pairs| pairs.into_iter().collect())
}

fn plain_merge(base: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, change) in changes {
        match (base.get_mut(name), change) {
            (Some(Value::Object(old)), Value::Object(new)) => plain_merge(old, new),
            _ => drop(base.insert(name.clone(), change.clone())),
        }
    }
}

fn text(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}

proptest! {
    #[test]
    fn merging_text_is_merging_values(base in object_of(value()), changes in object_of(value())) {
        let mut expected = base.clone();
        plain_merge(&mut expected, &changes);
        prop_assert_eq!(merged(&text(&base), &text(&changes)), text(&expected));
    }

    #[test]
    fn merging_is_idempotent_and_empty_changes_nothing(base in object_of(value()), changes in object_of(value())) {
        let once = merged(&text(&base), &text(&changes));
        prop_assert_eq!(merged(&once, &text(&changes)), once);
        prop_assert_eq!(merged(&text(&base), "{}"), text(&base));
        prop_assert_eq!(merged("{}", &text(&base)), text(&base));
    }

    #[test]
    fn merging_is_associative_where_no_object_is_replaced(a in object_of(Just(json!(1))), b in object_of(Just(json!(2))), c in object_of(Just(json!(3)))) {
        let left = merged(&merged(&text(&a), &text(&b)), &text(&c));
        let right = merged(&text(&a), &merged(&text(&b), &text(&c)));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn a_removed_field_is_gone_and_nothing_else(base in object_of(value()), paths in prop::collection::vec("[a-c.é]{0,4}", 0..4)) {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let made = remove_paths(&raw(&text(&base)), &paths).unwrap();
        let value: Value = serde_json::from_str(made.get()).unwrap();
        for (name, old) in &base {
            if paths.contains(&name.as_str()) {
                prop_assert!(value.get(name).is_none());
            } else if !paths.iter().any(|path| path.starts_with(&format!("{name}."))) {
                prop_assert_eq!(value.get(name), Some(old));
            }
        }
        let again = remove_paths(&made, &[]).unwrap().get().to_owned();
        prop_assert_eq!(again.as_str(), made.get());
    }
}
