//! The scan takes what serde_json takes, but for the rules it adds; and says where it stopped.

use super::{JsonFault, JsonFaultKind, scan_json};
use proptest::prelude::*;
use serde_json::Value;

fn fault(text: &str) -> JsonFault {
    scan_json(text.as_bytes(), 8).expect_err(text)
}

#[test]
fn sound_documents_pass() {
    for text in [
        "{}",
        "[]",
        " {\"a\" : [ 1 , -2.5e3 , \"x\\u00e9\\ud83d\\ude00\" , true, false, null ] } \r\n",
        "0",
        "-0",
        "18446744073709551615",
        "-9223372036854775808",
        "1e308",
        "\"\"",
        "[[],[],{}]",
        "{\"a\":{\"b\":1},\"b\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":1}]",
    ] {
        assert!(scan_json(text.as_bytes(), 8).is_ok(), "{text}");
    }
}

#[test]
fn faults_are_named_where_they_are() {
    let cases = [
        ("", JsonFaultKind::Empty, 0, ""),
        ("  ", JsonFaultKind::Empty, 2, ""),
        ("{", JsonFaultKind::Syntax, 1, "/"),
        ("{\"a\":1,}", JsonFaultKind::Syntax, 7, "/a"),
        ("{\"a\" 1}", JsonFaultKind::Syntax, 5, "/a"),
        ("[1,2", JsonFaultKind::Syntax, 4, "/1"),
        ("[1 2]", JsonFaultKind::Syntax, 3, "/0"),
        ("{} {}", JsonFaultKind::Syntax, 3, ""),
        ("[01]", JsonFaultKind::Syntax, 2, "/0"),
        ("[1.]", JsonFaultKind::Syntax, 3, "/0"),
        ("\"\u{1}\"", JsonFaultKind::Syntax, 1, ""),
        ("\"\\x\"", JsonFaultKind::Syntax, 1, ""),
        ("{\"a\":\"\\ud800\"}", JsonFaultKind::Utf8, 6, "/a"),
        ("\"\\ud800\\u0041\"", JsonFaultKind::Utf8, 1, ""),
        (
            "{\"a\":1,\"b\":{\"c\":1,\"c\":2}}",
            JsonFaultKind::DuplicateKey,
            18,
            "/b/c",
        ),
        (
            "{\"a\":1,\"\\u0061\":2}",
            JsonFaultKind::DuplicateKey,
            7,
            "/a",
        ),
        (
            "[[[[[[[[[]]]]]]]]]",
            JsonFaultKind::TooDeep,
            8,
            "/0/0/0/0/0/0/0/0",
        ),
        (
            "{\"x\":[1,18446744073709551616]}",
            JsonFaultKind::Number,
            8,
            "/x/1",
        ),
        ("[-9223372036854775809]", JsonFaultKind::Number, 1, "/0"),
        ("{\"n\":1e400}", JsonFaultKind::Number, 5, "/n"),
        ("nul", JsonFaultKind::Syntax, 0, ""),
        ("NaN", JsonFaultKind::Syntax, 0, ""),
    ];
    for (text, kind, offset, pointer) in cases {
        let found = fault(text);
        assert_eq!(
            (found.kind, found.offset, found.pointer.as_str()),
            (kind, offset, pointer),
            "{text}: {}",
            found.message
        );
    }
    assert_eq!(
        scan_json(b"\"\xff\"", 8).unwrap_err().kind,
        JsonFaultKind::Utf8
    );
}

#[test]
fn duplicates_are_found_among_many() {
    for count in [10, 24, 25, 26, 1000] {
        let members: Vec<_> = (0..count)
            .map(|n| format!("\"k{n}\":{{\"k0\":[{n}]}}"))
            .collect();
        let text = format!("{{{}}}", members.join(","));
        assert!(scan_json(text.as_bytes(), 8).is_ok(), "{count}");
        for twice in [0, count / 2, count - 1] {
            let found = fault(&format!("{{{},\"k{twice}\":1}}", members.join(",")));
            assert_eq!(
                (found.kind, found.pointer),
                (JsonFaultKind::DuplicateKey, format!("/k{twice}")),
                "{count}"
            );
        }
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has none", |f| f.is_finite())
            .prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(".{0,4}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_writes_passes(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        prop_assert!(scan_json(text.as_bytes(), 64).is_ok(), "{}", text);
    }

    /// One byte changed, cut out or put in: both say yes or both say no, but for the rules only the
    /// scan has.
    #[test]
    fn it_agrees_with_serde_on_damaged_text(value in json(), place in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3) {
        let mut bytes = value.to_string().into_bytes();
        let at = place.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, byte),
        }
        agrees(&bytes)?;
    }

    #[test]
    fn it_agrees_with_serde_on_soup(text in r#"[\[\]{}",:0-9eE.+\-truefalsn\\u d]{0,24}"#) {
        agrees(text.as_bytes())?;
    }
}

fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    let theirs = serde_json::from_slice::<Value>(bytes);
    let text = String::from_utf8_lossy(bytes);
    match scan_json(bytes, 64) {
        Ok(_) => prop_assert!(theirs.is_ok(), "{text}: {theirs:?}"),
        Err(fault)
            if matches!(
                fault.kind,
                JsonFaultKind::DuplicateKey | JsonFaultKind::Number
            ) => {}
        Err(fault) => prop_assert!(theirs.is_err(), "{text}: {fault:?}"),
    }
    Ok(())
}
