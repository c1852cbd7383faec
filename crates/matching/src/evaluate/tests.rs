use serde_json::{Value, json};

use crate::document::Document;
use crate::filter::{Filter, Options};

fn matches(filter: Value, document: Value) -> bool {
    Filter::parse(&filter, &Options::default())
        .unwrap()
        .matches(&Document::new(&document))
}

#[test]
fn a_negation_is_the_opposite_even_where_the_field_is_absent_or_of_another_type() {
    let conditions = [
        json!({"equals": {"a": 1}}),
        json!({"range": {"a": {"gt": 1}}}),
        json!({"regexp": {"a": "x"}}),
        json!({"exists": "a[1]"}),
        json!({"geoDistance": {"a": [0, 0], "distance": "1m"}}),
        json!({"match": {"a": 1}}),
        json!({"select": {"field": "a", "index": 0, "query": {"exists": "value"}}}),
    ];
    for condition in conditions {
        for document in [
            json!({}),
            json!({"a": null}),
            json!({"a": "nonsense;"}),
            json!({"a": {"b": 1}}),
            json!({"a": []}),
        ] {
            let plain = matches(condition.clone(), document.clone());
            assert_ne!(
                matches(json!({"not": condition}), document.clone()),
                plain,
                "{condition} {document}"
            );
        }
    }
}

#[test]
fn a_dot_in_a_key_of_a_match_is_like_nesting() {
    let spellings = [json!({"a.b": 1, "c": 2}), json!({"a": {"b": 1}, "c": 2})];
    for wanted in &spellings {
        for found in &spellings {
            let filter = json!({"match": wanted});
            assert!(matches(filter, found.clone()), "{wanted} {found}");
            let (inner, list) = (json!({"match": {"l": [wanted]}}), json!({"l": [0, found]}));
            assert!(matches(inner.clone(), list), "{inner} {found}");
        }
        let filter = json!({"match": wanted});
        assert!(!matches(filter.clone(), json!({"a": {"b": 2}, "c": 2})));
        assert!(!matches(filter, json!({"a": [{"b": 1}], "c": 2})));
    }
    // As everywhere, the later of two spellings counts.
    let both = json!({"a": {"b": 1}, "a.b": 2});
    assert!(matches(json!({"match": {"a": {"b": 2}}}), both.clone()));
    assert!(!matches(json!({"match": {"a.b": 1}}), both));
}

#[test]
fn arrays_are_contained_as_multisets_whatever_the_order() {
    let contained =
        |wanted: Value, found: Value| matches(json!({"match": {"a": wanted}}), json!({"a": found}));
    assert!(contained(json!([1, 2]), json!([2, 3, 1])));
    assert!(!contained(json!([1, 1]), json!([1, 2])));
    assert!(contained(json!([1, 1]), json!([1, 2, 1.0])));
    assert!(!contained(json!([1]), json!(1)) && !contained(json!(1), json!([1])));
    assert!(
        contained(json!([]), json!([1]))
            && contained(json!({}), json!({"x": 1}))
            && !contained(json!({}), json!([]))
    );
    // The first wanted element fits both; the second only the first.
    for wanted in [
        json!([{"x": 1}, {"x": 1, "y": 2}]),
        json!([{"x": 1, "y": 2}, {"x": 1}]),
    ] {
        assert!(contained(
            wanted.clone(),
            json!([{"x": 1, "y": 2}, {"x": 1}])
        ));
        assert!(contained(
            wanted.clone(),
            json!([{"x": 1}, {"x": 1, "y": 2}])
        ));
        assert!(!contained(wanted, json!([{"x": 1}, {"x": 1}])));
    }
    // A chain in which everyone has to move.
    assert!(contained(
        json!([{"a": 1}, {"b": 1}, {"c": 1}, {"a": 1, "d": 1}]),
        json!([{"a": 1, "d": 1}, {"a": 1, "b": 1}, {"b": 1, "c": 1}, {"c": 1}])
    ));
}

#[test]
fn elements_are_selected_from_either_end() {
    let first = |index: i64| {
        matches(
            json!({"select": {"field": "a", "index": index, "query": {"equals": {"value": 1}}}}),
            json!({"a": [1, 2]}),
        )
    };
    assert!(
        first(0)
            && first(-2)
            && !first(1)
            && !first(-1)
            && !first(2)
            && !first(-3)
            && !first(i64::MIN)
            && !first(i64::MAX)
    );
}

#[test]
fn the_four_parts_of_bool() {
    let document = || json!({"a": 1, "b": 1});
    let (yes, no) = (json!({"exists": "a"}), json!({"exists": "x"}));
    for (part, operand, wanted) in [
        ("must", json!([yes, yes]), true),
        ("must", json!([yes, no]), false),
        ("must", yes.clone(), true),
        ("must_not", json!([no, no]), true),
        ("must_not", json!([no, yes]), false),
        ("should", json!([no, yes]), true),
        ("should", json!([no]), false),
        ("should_not", json!([yes, no]), true),
        ("should_not", json!([yes, yes]), false),
    ] {
        assert_eq!(
            matches(json!({"bool": {part: operand}}), document()),
            wanted,
            "{part} {operand}"
        );
    }
    assert!(
        !matches(json!({"bool": {"must": [yes], "should": [no]}}), document()),
        "one `should` must hold, `must` or not"
    );
}

#[test]
fn limits_are_exact() {
    assert!(matches(
        json!({"range": {"a": {"gt": 5}}}),
        json!({"a": 5.000_000_000_01})
    ));
    assert!(!matches(
        json!({"range": {"a": {"gt": 1_700_000_000_000_i64}}}),
        json!({"a": 1_700_000_000_000_i64})
    ));
    assert!(!matches(
        json!({"equals": {"a": 9_007_199_254_740_993_i64}}),
        json!({"a": 9_007_199_254_740_992_i64})
    ));
    assert!(matches(json!({"equals": {"a": 0}}), json!({"a": -0.0})));
    assert!(!matches(
        json!({"range": {"a": {"lt": 9}}}),
        json!({"a": "3"})
    ));
}
