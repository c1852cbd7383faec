use serde_json::{Value, json};

use crate::filter::{Filter, Options};

fn normalised(filter: Value) -> Value {
    Filter::parse(&filter, &Options::default())
        .unwrap()
        .normalise()
        .to_json()
}

#[test]
fn conditions_on_one_field_are_reduced() {
    let and = |parts: Value| normalised(json!({ "and": parts }));
    assert_eq!(
        and(
            json!([{"range": {"a": {"gt": 1}}}, {"range": {"a": {"lt": 9}}}, {"range": {"a": {"gte": 0}}}])
        ),
        json!({"range": {"a": {"gt": 1, "lt": 9}}})
    );
    assert_eq!(
        and(json!([{"range": {"a": {"gt": 1}}}, {"not": {"range": {"a": {"gt": 5}}}}])),
        json!({"range": {"a": {"gt": 1, "lte": 5}}})
    );
    assert_eq!(
        and(json!([{"range": {"a": {"gte": 5}}}, {"range": {"a": {"lte": 5.0}}}])),
        json!({"equals": {"a": 5}})
    );
    assert_eq!(
        and(json!([{"exists": "a"}, {"regexp": {"a": "x"}}, {"not": {"equals": {"a": 5}}}])),
        json!({"regexp": {"a": "x"}})
    );
    assert_eq!(
        and(json!([{"missing": "a"}, {"not": {"equals": {"a": 5}}}])),
        json!({"missing": "a"})
    );
    assert_eq!(
        and(json!([{"equals": {"a": 5}}, {"range": {"a": {"gt": 5}}}])),
        json!({"nothing": true})
    );
}

#[test]
fn what_is_implied_is_dropped_and_what_covers_everything_is_seen() {
    let or = |parts: Value| normalised(json!({ "or": parts }));
    assert_eq!(
        or(json!([{"equals": {"a": 1}}, {"exists": "a"}, {"range": {"a": {"gt": 1}}}])),
        json!({"exists": "a"})
    );
    assert_eq!(or(json!([{"exists": "a"}, {"missing": "a"}])), json!({}));
    assert_eq!(
        or(
            json!([{"and": [{"exists": "a"}, {"exists": "b"}]}, {"and": [{"exists": "a"}, {"missing": "b"}]}])
        ),
        json!({"exists": "a"})
    );
    assert_eq!(
        or(json!([{"not": {"equals": {"a": 1}}}, {"not": {"equals": {"a": 2}}}])),
        json!({})
    );
}

#[test]
fn objects_are_cut_into_their_leaves() {
    assert_eq!(
        normalised(json!({"match": {"a": 1}})),
        json!({"equals": {"a": 1}})
    );
    for spelling in [json!({"a.b": 1}), json!({"a": {"b": 1}})] {
        let equal = json!({"equals": {"a.b": 1}});
        assert_eq!(normalised(json!({"match": spelling})), equal);
    }
    let dotted = normalised(json!({"match": {"a.b.c": [1], "a.b": {"d.e": {}}}}));
    let nested = normalised(json!({"match": {"a": {"b": {"c": [1], "d": {"e": {}}}}}}));
    assert_eq!(dotted, nested);
    let wanted = json!({"and": [{"equals": {"a.b": 1}}, {"match": {"a": {"c": [1, 2]}}}]});
    assert_eq!(
        normalised(json!({"match": {"a": {"c": [2.0, 1], "b": 1}}})),
        wanted
    );
}

#[test]
fn a_select_that_can_never_hold_is_nothing() {
    let select = |query: Value| json!({"select": {"field": "a", "index": 0, "query": query}});
    assert_eq!(
        normalised(select(json!({"nothing": 1}))),
        json!({"nothing": true})
    );
    assert_eq!(
        normalised(json!({"not": select(json!({"nothing": 1}))})),
        json!({})
    );
    let always = select(json!({"or": [{"exists": "value"}, {"missing": "value"}]}));
    assert_eq!(
        normalised(always),
        json!({"select": {"field": "a", "index": 0, "query": {"not": {"nothing": true}}}})
    );
}
