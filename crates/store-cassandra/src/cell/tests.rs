//! Types and values, there and back.

use super::{cql_type, moment, parse_type, to_cql, to_json};
use serde_json::json;
use store::schema::ColumnType::{Bigint, Boolean, Double, Int, List, Map, Set, Text, Timestamp};

#[test]
fn types_come_back() {
    let list = |kind| List(Box::new(kind));
    for kind in [
        Text,
        Int,
        Bigint,
        Double,
        Boolean,
        Timestamp,
        list(Text),
        Set(Box::new(Int)),
        Map(Box::new(Double)),
        list(Map(Box::new(Text))),
        Map(Box::new(list(Set(Box::new(Text))))),
    ] {
        assert_eq!(parse_type(&cql_type(&kind)).as_ref(), Some(&kind), "{}", cql_type(&kind));
    }
    assert_eq!(cql_type(&list(Map(Box::new(Text)))), "frozen<list<frozen<map<text, text>>>>");
    assert_eq!(parse_type("decimal"), None);
}

#[test]
fn values_come_back() {
    for (kind, value) in [
        (Text, json!("é")),
        (Int, json!(-5)),
        (Bigint, json!(i64::MAX)),
        (Double, json!(0.1)),
        (Boolean, json!(true)),
        (Timestamp, json!(1_700_000_000_123_i64)),
        (List(Box::new(Int)), json!([1, 1])),
        (Map(Box::new(Text)), json!({"a": "b"})),
    ] {
        assert_eq!(to_cql(&kind, &value).map(|cell| to_json(&cell)), Ok(Some(value)));
    }
}

#[test]
fn misfits_are_named_and_short() {
    for (kind, value) in [(Int, json!(1_i64 << 31)), (Int, json!(1.5)), (Text, json!(1)), (Timestamp, json!("yesterday")), (Boolean, json!("true"))] {
        assert!(to_cql(&kind, &value).is_err(), "{value}");
    }
    let error = to_cql(&Int, &json!("é".repeat(500))).expect_err("text is no int");
    assert!(error.len() < 200, "{error}");
}

#[test]
fn moments_before_1970_round_down() {
    assert_eq!(moment("1969-12-31T23:59:59.9995Z"), Some(-1));
    assert_eq!(moment("2023-11-14T23:13:20.123+01:00"), Some(1_700_000_000_123));
}
