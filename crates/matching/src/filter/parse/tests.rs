use serde_json::{Value, json};

use crate::filter::{Filter, FilterError, Options};

fn refused(filter: Value) -> FilterError {
    Filter::parse(&filter, &Options::default()).unwrap_err()
}

fn accepted(filter: Value) -> usize {
    Filter::parse(&filter, &Options::default())
        .unwrap_or_else(|error| panic!("{error}: {filter}"))
        .conditions()
}

#[test]
fn errors_lead_to_the_fault() {
    for (filter, path, keyword) in [
        (
            json!({"and": [{"exists": "a"}, {"range": {"b": {"gt": "x"}}}]}),
            "and.range.b.gt",
            "range",
        ),
        (
            json!({"bool": {"must": [{"in": {"a": 1}}]}}),
            "bool.and.in.a",
            "in",
        ),
        (
            json!({"bool": {"must_not": [{"ids": {}}]}}),
            "bool.and.not.or.ids",
            "ids",
        ),
        (
            json!({"bool": {"should_not": {"exists": "a"}}}),
            "bool.and.not.and",
            "and",
        ),
        (
            json!({"select": {"field": "a", "index": 0, "query": {"not": {"nonsense": 1}}}}),
            "select.query.not.nonsense",
            "nonsense",
        ),
        (
            json!({"regexp": {"a": {"value": "(?!x)"}}}),
            "regexp.a",
            "regexp",
        ),
        (
            json!({"geoDistance": {"p": [0, 0], "distance": "5"}}),
            "geoDistance.distance",
            "geoDistance",
        ),
        (
            json!({"geoBoundingBox": {"p": {"top": 0, "left": 0, "bottom": 1, "right": 1}}}),
            "geoBoundingBox.p",
            "geoBoundingBox",
        ),
        (json!({"exists": "a[[1]]"}), "exists", "exists"),
        (json!({"missing": "a[{}]"}), "missing", "missing"),
    ] {
        let error = refused(filter);
        assert_eq!(
            (error.path.as_deref(), error.keyword.as_deref()),
            (Some(path), Some(keyword)),
            "{error}"
        );
        assert!(error.to_string().starts_with(&format!("\"{path}\": ")));
    }
}

#[test]
fn a_filter_is_an_object_with_one_keyword() {
    assert_eq!(
        refused(json!({"equals": {"a": 1}, "exists": "b"}))
            .keyword
            .as_deref(),
        Some("equals,exists")
    );
    for value in [json!([]), json!("equals"), json!(1), json!(true)] {
        assert_eq!(refused(value).path, None);
    }
    assert_eq!(accepted(json!({})) + accepted(json!(null)), 0);
}

#[test]
fn conditions_are_counted_and_limited() {
    let values = |count: usize| (0..count).map(|at| at.to_string()).collect::<Vec<_>>();
    assert_eq!(accepted(json!({"in": {"a": values(50)}})), 50);
    assert!(
        refused(json!({"in": {"a": values(51)}}))
            .message
            .contains("conditions: 51, max: 50")
    );
    assert_eq!(
        accepted(
            json!({"or": [{"ids": {"values": values(3)}}, {"not": {"missing": "a"}}, {"nothing": 0}]})
        ),
        5
    );
    assert_eq!(
        accepted(
            json!({"select": {"field": "a", "index": 0, "query": {"in": {"value": values(2)}}}})
        ),
        3
    );
}

#[test]
fn brackets_belong_to_the_name_or_hold_a_value() {
    for (text, wanted) in [
        ("a", json!({"exists": "a"})),
        ("a[1]", json!({"exists": "a[1]"})),
        ("a[1e0]", json!({"exists": "a[1]"})),
        ("a\\[1\\]", json!({"exists": "a\\[1\\]"})),
        ("a[\"]\"]", json!({"exists": "a[\"]\"]"})),
        ("a[", json!({"exists": "a\\["})),
        ("a.b[null]", json!({"exists": "a.b[null]"})),
    ] {
        assert_eq!(
            Filter::parse(&json!({"exists": text}), &Options::default())
                .unwrap()
                .to_json(),
            wanted
        );
    }
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction_of_nothing() {
    let select = |index: Value| json!({"select": {"field": "a", "index": index, "query": {"exists": "value"}}});
    for index in [json!(0), json!(-0.0), json!(2.0), json!(-1)] {
        accepted(select(index));
    }
    for index in [json!(1.5), json!("1"), json!(1e300), json!(null)] {
        assert_eq!(refused(select(index)).path.as_deref(), Some("select.index"));
    }
}
