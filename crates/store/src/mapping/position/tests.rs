//! Where pages begin: what is read otherwise than it is said, and what is refused.

use crate::{StoreError, mapping::Mapping};
use serde_json::{Value, json};

#[test]
fn values_of_documents_are_read_as_their_fields_hold_them() {
    let mapping = Mapping::read(
        Some(&json!({"properties": {
            "low": {"type": "keyword", "normalizer": "lowercase"},
            "half": {"type": "half_float"},
            "text": {"type": "text", "fields": {"low": {"type": "keyword", "normalizer": "lowercase"}}},
            "other": {"type": "alias", "path": "low"},
            "plain": {"type": "keyword"},
        }})),
        None,
    )
    .expect("a mapping");
    let cases = [
        (
            json!(["low", "_id"]),
            json!(["ÀB", "X"]),
            json!(["àb", "X"]),
        ),
        (json!([{"other": "desc"}]), json!(["AB"]), json!(["ab"])),
        (
            json!([{"text.low": {"order": "asc"}}]),
            json!(["AB"]),
            json!(["ab"]),
        ),
        (json!("plain"), json!(["AB"]), json!(["AB"])),
        (
            json!([{"half": "asc"}]),
            json!([1.857]),
            json!([1.857_421_875]),
        ),
        (json!([{"half": "asc"}]), json!(["x"]), json!(["x"])),
        (
            json!(["half", "low"]),
            json!([null, null]),
            json!([null, null]),
        ),
        (json!(["low"]), json!(["A", "B"]), json!(["a", "B"])),
    ];
    for (sort, after, expected) in cases {
        let after = after.as_array().expect("a list");
        let found = mapping.positions(Some(&sort), after);
        assert_eq!(json!(found), expected, "{sort}");
    }
}

fn every_type() -> Mapping {
    let mappings = json!({"properties": {
        "k": {"type": "keyword"},
        "t": {"type": "text"},
        "n": {"type": "long"},
        "i": {"type": "integer"},
        "d": {"type": "double"},
        "b": {"type": "boolean"},
        "at": {"type": "date"},
        "ip": {"type": "ip"},
        "nano": {"type": "date_nanos"},
        "unkept": {"type": "long", "doc_values": false},
        "other": {"type": "alias", "path": "n"},
    }});
    Mapping::read(Some(&mappings), None).expect("a mapping")
}

#[test]
fn what_no_index_reads_is_refused_where_it_stands() {
    let mapping = every_type();
    for (sort, after, at, words) in [
        (json!(null), json!([1]), "", "needs a sort"),
        (json!([]), json!([1]), "", "needs a sort"),
        (json!("_score"), json!([1]), "", "needs a sort"),
        (
            json!([{"_score": {"order": "desc"}}]),
            json!([1]),
            "",
            "needs a sort",
        ),
        (json!(["n"]), json!([]), "", "0 values, the sort has 1"),
        (
            json!(["n", "k"]),
            json!([1]),
            "",
            "1 values, the sort has 2",
        ),
        (json!(["n"]), json!([1, 2]), "", "2 values, the sort has 1"),
        (json!([{"n": "asc"}]), json!(["abc"]), "/0", r#""abc" in"#),
        (json!([{"other": "asc"}]), json!(["abc"]), "/0", "`other`"),
        (json!(["k", "n"]), json!(["x", true]), "/1", "`n`"),
        (json!("i"), json!(["1.5"]), "/0", "`i`"),
        (json!("d"), json!(["1,5"]), "/0", "`d`"),
        (json!("b"), json!(["maybe"]), "/0", "`b`"),
        (json!("at"), json!(["yesterday"]), "/0", "`at`"),
        (json!("at"), json!(["now"]), "/0", "`at`"),
        (json!("ip"), json!([1]), "/0", "`ip`"),
        (json!("k"), json!([["x"]]), "/0", "`k`"),
        (json!("nowhere"), json!([{}]), "/0", "`nowhere`"),
        (json!("n"), json!([null]), "/0", "cannot be null"),
        (json!("_id"), json!([null]), "/0", "cannot be null"),
        (
            json!([{"_geo_distance": {"p": "1,1"}}]),
            json!(["x"]),
            "/0",
            "`_geo_distance`",
        ),
    ] {
        let sort = Some(&sort).filter(|sort| !sort.is_null());
        let after = after.as_array().expect("a list");
        let Err(StoreError::BadSearch { message, pointer }) =
            mapping.check_search_after(sort, after)
        else {
            panic!("{sort:?} after {after:?} was passed on");
        };
        assert_eq!(pointer, format!("/search_after{at}"), "{message}");
        assert!(
            message.contains(words) && message.contains("search_after"),
            "{message}"
        );
    }
}

#[test]
fn what_an_index_reads_or_alone_can_tell_is_passed_on() {
    let mapping = every_type();
    for (sort, value) in [
        ("k", json!("x")),
        ("k", json!(5)),
        ("k", json!(null)),
        ("n", json!("15")),
        ("n", json!(1.5)),
        ("i", json!(1_i64 << 40)),
        ("d", json!("Infinity")),
        ("b", json!("true")),
        ("b", json!(1)),
        ("at", json!("2020-01-01")),
        ("at", json!(1_577_836_800_000_i64)),
        ("at", json!("2020-01-01T10:00:00Europe/Paris")),
        ("ip", json!("::1")),
        ("ip", json!(null)),
        ("nano", json!("anything")),
        ("unkept", json!("anything")),
        ("t", json!(null)),
        ("nowhere", json!("anything")),
        ("_doc", json!(3)),
        ("_id", json!("x")),
    ] {
        let passed = mapping.check_search_after(Some(&json!(sort)), std::slice::from_ref(&value));
        assert_eq!(passed, Ok(()), "{sort} after {value}");
    }
    for options in [json!({"format": "yyyy"}), json!({"numeric_type": "date"})] {
        let sort: Value = json!([{"n": options}]);
        let passed = mapping.check_search_after(Some(&sort), &[json!("abc")]);
        assert_eq!(passed, Ok(()), "{sort}");
    }
    let rising = json!([{"_score": "asc"}]);
    assert_eq!(
        mapping.check_search_after(Some(&rising), &[json!(1.5)]),
        Ok(())
    );
}
