//! Types and values, there and back.

use super::{cql_type, parse_type, to_cql, to_json};
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
        assert_eq!(
            parse_type(&cql_type(&kind)).as_ref(),
            Some(&kind),
            "{}",
            cql_type(&kind)
        );
    }
    assert_eq!(
        cql_type(&list(Map(Box::new(Text)))),
        "frozen<list<frozen<map<text, text>>>>"
    );
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
        assert_eq!(
            to_cql(&kind, &value).and_then(|cell| to_json(&cell)),
            Some(value)
        );
    }
}

#[test]
fn what_is_not_canonical_is_not_guessed() {
    for (kind, value) in [
        (Int, json!(1_i64 << 31)),
        (Int, json!(1.5)),
        (Text, json!(1)),
        (Timestamp, json!("2020-01-01T00:00:00Z")),
        (Boolean, json!("true")),
    ] {
        assert_eq!(to_cql(&kind, &value), None, "{value}");
    }
}
