use serde_json::{Value, json};

use crate::filter::{Filter, Options};

fn parse(filter: Value) -> Filter {
    Filter::parse(&filter, &Options::default()).unwrap()
}

#[test]
fn contradictions_on_one_field_are_seen() {
    let a = |condition: Value| condition;
    for (one, other) in [
        (json!({"equals": {"a": 1}}), json!({"equals": {"a": 2}})),
        (
            json!({"equals": {"a": 1}}),
            json!({"range": {"a": {"gt": 1}}}),
        ),
        (
            json!({"equals": {"a": "x"}}),
            json!({"regexp": {"a": "^y"}}),
        ),
        (json!({"equals": {"a": "x"}}), json!({"exists": "a[1]"})),
        (
            json!({"range": {"a": {"gt": 5}}}),
            json!({"range": {"a": {"lt": 5}}}),
        ),
        (
            json!({"range": {"a": {"gt": 5}}}),
            json!({"regexp": {"a": "5"}}),
        ),
        (json!({"exists": "a"}), json!({"missing": "a"})),
        (json!({"exists": "a[1]"}), json!({"missing": "a[1.0]"})),
        (
            json!({"range": {"a": {"gte": 5}}}),
            json!({"not": {"range": {"a": {"gte": 5}}}}),
        ),
        (json!({"nothing": 1}), json!({"exists": "a"})),
    ] {
        assert!(
            parse(json!({"and": [one, other]})).never_matches(),
            "{one} {other}"
        );
        assert!(parse(json!({"and": [other, a(one.clone())]})).never_matches());
        assert!(!parse(json!({"or": [{"exists": "z"}, one]})).never_matches());
    }
}

#[test]
fn what_only_looks_like_a_contradiction_is_none() {
    for both in [
        json!([{"exists": "a[\"x\"]"}, {"missing": "a[\"y\"]"}]),
        json!([{"not": {"equals": {"a": "1"}}}, {"equals": {"a": 1}}]),
        json!([{"range": {"a": {"gte": 5}}}, {"range": {"a": {"lte": 5}}}]),
        json!([{"missing": "a"}, {"exists": "a.b"}]),
        json!([{"regexp": {"a": "1"}}, {"geoDistance": {"a": [0, 0], "distance": "1km"}}]),
    ] {
        assert!(!parse(json!({"and": both})).never_matches(), "{both}");
    }
}

#[test]
fn cost_counts_what_takes_time() {
    let cost = parse(json!({"and": [
        {"in": {"a": ["x", "y"]}}, {"regexp": {"b": "c"}}, {"geoPolygon": {"p": {"points": [[0, 0], [0, 1], [1, 1]]}}},
    ]}))
    .cost();
    assert_eq!(
        (
            cost.conditions,
            cost.conjunctions,
            cost.literals,
            cost.unindexed
        ),
        (4, 2, 6, 0)
    );
    assert_eq!((cost.patterns, cost.geodesics), (2, 6));
    assert_eq!(parse(json!({"not": {"exists": "a"}})).cost().unindexed, 1);
}
