//! Members stand where the scan says; plain ones are.

use super::*;
use crate::{JsonObjectWriter, PLAIN_DEPTH};
use proptest::prelude::*;
use serde_json::{Map, json};

fn scanned(text: &str) -> ScannedJson {
    ScannedJson::scan(text.to_owned().into(), 64).expect(text)
}

fn plain(text: &str) -> Vec<bool> {
    let scanned = scanned(text);
    let members = scanned.members().expect("an object");
    members.map(|member| member.is_plain).collect()
}

#[test]
fn members_are_slices_of_the_text() {
    let text = " { \"a\" : [ 1 , {\"b\":2} ] , \"b\\n\":{ } ,\"c\":\"}\" , \"d\" : -1.5e3 } \n";
    let scanned = scanned(text);
    let members: Vec<_> = scanned
        .members()
        .expect("an object")
        .map(|member| (member.name.into_owned(), member.text.get()))
        .collect();
    let expected = [
        ("a", "[ 1 , {\"b\":2} ]"),
        ("b\n", "{ }"),
        ("c", "\"}\""),
        ("d", "-1.5e3"),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text));
    assert_eq!(members, expected);
    assert_eq!(scanned.text().get(), text.trim());
    for text in ["[{\"a\":1}]", "1", " null"] {
        assert!(self::scanned(text).members().is_none(), "{text}");
    }
    assert_eq!(self::scanned("{}").members().map(|all| all.len()), Some(0));
}

#[test]
fn what_names_hold_decides_what_is_plain() {
    assert_eq!(
        plain(r#"{"x":{"a":1,"b":{"_c":[{"_d":2}]}},"y":3}"#),
        [true, true]
    );
    for inside in [
        r#"{"_a":1}"#,
        r#"{"a.b":1}"#,
        r#"{"a":{"b.c":1}}"#,
        r#"{"":1}"#,
        r#"{" ":1}"#,
        r#"{"\u0061":1}"#,
        r#"{"ä":1}"#,
        r#"{"a":[[{"":1}]]}"#,
    ] {
        let text = format!(r#"{{"x":{inside},"y":{{"a":1}}}}"#);
        assert_eq!(plain(&text), [false, true], "{text}");
    }
    for (depth, is_plain) in [(PLAIN_DEPTH, true), (PLAIN_DEPTH + 1, false)] {
        let text = format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(plain(&text), [is_plain], "{depth}");
    }
}

/// Objects, pretty or not.
fn object() -> impl Strategy<Value = (Map<String, Value>, bool)> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(".{0,4}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let members = prop::collection::hash_map(".{0,4}", value, 0..5);
    (
        members.prop_map(|map| map.into_iter().collect()),
        any::<bool>(),
    )
}

proptest! {
    /// Read, taken apart and written anew it is the same object, and raw text is what serde reads.
    #[test]
    fn nothing_is_lost_between_scan_and_writer((map, pretty) in object()) {
        let value = Value::Object(map.clone());
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let read = scanned(&text);
        let mut writer = JsonObjectWriter::with_capacity(text.len());
        for member in read.members().expect("an object") {
            let raw: Value = serde_json::from_str(member.text.to_raw().get()).unwrap();
            prop_assert_eq!(Some(&raw), map.get(&*member.name));
            writer.push_member(&member);
        }
        let written = writer.finish();
        let again = scanned(written.text().get());
        prop_assert_eq!(serde_json::from_str::<Value>(again.text().get()).unwrap(), json!(map));
        let spans = |json: &ScannedJson| json.members.clone().expect("an object");
        prop_assert_eq!(spans(&written), spans(&again), "{}", written.text().get());
    }
}
