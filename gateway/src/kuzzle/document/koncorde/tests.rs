//! Both languages in one filter.

use super::koncorde_query;
use serde_json::{Value, json};

fn translated(filter: Value) -> Option<Value> {
    koncorde_query(&filter).ok()?.query
}

#[test]
fn clauses_of_the_view_stand_where_filters_may() {
    let term = json!({"term": {"a": {"value": "x", "boost": 2}}});
    assert_eq!(translated(term.clone()), Some(term.clone()));
    let filter = json!({"and": [{"equals": {"b": 1}}, term, {"not": {"prefix": {"c": "y"}}}]});
    let expected = json!({"bool": {"filter": [
        {"term": {"b": {"value": 1}}},
        {"term": {"a": {"value": "x", "boost": 2}}},
        {"bool": {"must_not": [{"prefix": {"c": "y"}}]}},
    ]}});
    assert_eq!(translated(filter), Some(expected));
    let filter = json!({"bool": {"should": [{"match_phrase": {"t": "a b"}}, {"exists": "b"}]}});
    let found = translated(filter).expect("a query").to_string();
    assert!(found.contains(r#"{"match_phrase":{"t":"a b"}}"#), "{found}");
}

#[test]
fn what_is_of_neither_language_is_refused() {
    for filter in [
        json!({"equal": {"a": 1}}),
        json!({"and": [{"script": {}}]}),
        json!({"term": {"a": 1}, "equals": {"a": 1}}),
        json!({"range": {"a": {"gte": "text"}}}),
    ] {
        assert_eq!(translated(filter.clone()), None, "{filter}");
    }
}
