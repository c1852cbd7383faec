use serde_json::{Value, json};

use super::{Difference, translate_filter, translate_with};
use crate::filter::{Filter, Options};

fn translated(filter: Value) -> Result<(Value, Vec<Difference>), String> {
    let filter = Filter::parse(&filter, &Options::default()).unwrap();
    translate_filter(&filter)
        .map(|translation| (translation.query, translation.differences))
        .map_err(|error| error.to_string())
}

fn query(filter: Value) -> Value {
    translated(filter).unwrap().0
}

#[test]
fn each_keyword_has_its_query() {
    for (filter, wanted) in [
        (json!({}), json!({"match_all": {}})),
        (json!({"nothing": 1}), json!({"match_none": {}})),
        (
            json!({"equals": {"a.b": 1}}),
            json!({"term": {"a.b": {"value": 1}}}),
        ),
        (json!({"in": {"a": ["x"]}}), json!({"terms": {"a": ["x"]}})),
        (
            json!({"ids": {"values": ["x"]}}),
            json!({"ids": {"values": ["x"]}}),
        ),
        (
            json!({"missing": "a"}),
            json!({"bool": {"must_not": [{"exists": {"field": "a"}}]}}),
        ),
        (
            json!({"range": {"a": {"gt": 1, "lte": 2}}}),
            json!({"range": {"a": {"gt": 1, "lte": 2}}}),
        ),
        (
            json!({"match": {"a": {"b": 1}, "c": "x"}}),
            json!({"bool": {"filter": [{"term": {"a.b": {"value": 1}}}, {"term": {"c": {"value": "x"}}}]}}),
        ),
        (
            json!({"match": {"a": {"b": [1, "x"]}}}),
            json!({"bool": {"filter": [{"term": {"a.b": {"value": 1}}}, {"term": {"a.b": {"value": "x"}}}]}}),
        ),
        (
            json!({"or": [{"nothing": 1}]}),
            json!({"bool": {"should": [{"match_none": {}}], "minimum_should_match": 1}}),
        ),
        (
            json!({"geoDistance": {"p": [1, 2], "distance": "1km"}}),
            json!({"geo_distance": {"p": {"lat": 1.0, "lon": 2.0}, "distance": "1000m"}}),
        ),
        (
            json!({"geoDistance": {"p": [1, 2], "distance": "0m"}}),
            json!({"geo_distance": {"p": {"lat": 1.0, "lon": 2.0}, "distance": "0.01m"}}),
        ),
        (
            json!({"geoDistanceRange": {"p": [1, 2], "from": "0m", "to": "1km"}}),
            json!({"geo_distance": {"p": {"lat": 1.0, "lon": 2.0}, "distance": "1000m"}}),
        ),
    ] {
        assert_eq!(query(filter), wanted);
    }
}

#[test]
fn both_zeros_are_on_the_same_side() {
    let range = |ends: Value| query(json!({"range": {"a": ends}}))["range"]["a"].to_string();
    assert_eq!(
        query(json!({"equals": {"a": -0.0}})).to_string(),
        r#"{"range":{"a":{"gte":-0.0,"lte":0}}}"#
    );
    assert_eq!(range(json!({"gte": 0})), r#"{"gte":-0.0}"#);
    assert_eq!(range(json!({"gt": 0})), r#"{"gt":0}"#);
    assert_eq!(range(json!({"lt": 0})), r#"{"lt":-0.0}"#);
    assert_eq!(range(json!({"lte": 0})), r#"{"lte":0}"#);
}

#[test]
fn areas_are_brought_into_the_range_of_degrees() {
    let bounds = |top: i32, left: i32, bottom: i32, right: i32| {
        let area = json!({"geoBoundingBox": {"p": {"top": top, "left": left, "bottom": bottom, "right": right}}});
        query(area)["geo_bounding_box"]["p"].clone()
    };
    assert_eq!(
        bounds(100, 179, -100, 181),
        json!({"top": 90.0, "left": 179.0, "bottom": -90.0, "right": -179.0})
    );
    assert_eq!(
        bounds(1, -200, 0, 200),
        json!({"top": 1.0, "left": -180.0, "bottom": 0.0, "right": 180.0})
    );
    assert_eq!(bounds(100, 0, 91, 1), Value::Null);
}

#[test]
fn patterns_become_whole_text_expressions() {
    let expression =
        |pattern: &str| query(json!({"regexp": {"a": pattern}}))["regexp"]["a"]["value"].clone();
    assert_eq!(expression("foo"), ".*foo.*");
    assert_eq!(expression("^foo$"), "foo");
    assert_eq!(expression("^a.b~"), "a[\u{0}-\u{9}\u{b}-\u{10ffff}]b\\~.*");
    assert_eq!(expression("^(a|bc)+x{2,3}$"), "(((a|bc)))+(x){2,3}");
    assert_eq!(expression("\\d$"), ".*[0-9]");
}

#[test]
fn what_has_no_equivalent_is_named() {
    for (filter, part) in [
        (json!({"equals": {"a": null}}), "equals"),
        (json!({"match": {"a": []}}), "match"),
        (json!({"match": {"a": [1, 1.0]}}), "match"),
        (json!({"match": {"a": [{"b": 1}]}}), "match"),
        (json!({"match": {"a": [null]}}), "match"),
        (json!({"match": {"a": {}}}), "match"),
        (
            json!({"select": {"field": "a", "index": 0, "query": {"exists": "value"}}}),
            "select",
        ),
        (json!({"regexp": {"a": "\\bx"}}), "/\\bx/"),
        (
            json!({"regexp": {"a": {"value": "^x", "flags": "m"}}}),
            "/^x/m",
        ),
        (json!({"regexp": {"a": "\\pL"}}), "too long"),
    ] {
        let error = translated(json!({"and": [{"exists": "b"}, filter]})).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_may_differ_is_said_once() {
    let filter = json!({"and": [{"exists": "a"}, {"missing": "b"}, {"exists": "c[1]"}]});
    assert_eq!(
        translated(filter).unwrap().1,
        [Difference::EmptyIsAbsent, Difference::ScalarIsArray]
    );
    assert!(
        translated(json!({"equals": {"a": 1}}))
            .unwrap()
            .1
            .is_empty()
    );
}

#[test]
fn something_may_stand_instead_of_what_has_no_equivalent() {
    let select = json!({"select": {"field": "a", "index": 0, "query": {"exists": "value"}}});
    let negated = json!({"bool": {"should_not": [{"not": select}, select], "must": [select]}});
    let filter = json!({"and": [{"exists": "b"}, {"not": select}, negated]});
    let filter = Filter::parse(&filter, &Options::default()).unwrap();
    let mut met = Vec::new();
    let translation = translate_with(&filter, &mut |_, is_negated, _| {
        met.push(is_negated);
        Ok(json!({"place": met.len()}))
    });
    let query = translation.unwrap().query;
    assert_eq!(met, [true, false, false, true]);
    assert_eq!(
        query["bool"]["filter"][1],
        json!({"bool": {"must_not": [{"place": 1}]}})
    );
}
