use serde_json::{Value, json};

use super::explain_filter;
use crate::document::Document;
use crate::filter::{Filter, Options};

fn explained(filter: Value, document: Value) -> Value {
    let filter = Filter::parse(&filter, &Options::default()).unwrap();
    serde_json::to_value(explain_filter(&filter, &Document::new(&document))).unwrap()
}

#[test]
fn names_the_clause_that_failed_and_what_it_saw() {
    let filter = json!({"bool": {"must": [{"range": {"price": {"lt": 10}}}], "must_not": [{"exists": "gone"}]}});
    let tree = explained(filter, json!({"price": 12}));
    assert_eq!(tree["matches"], false);
    assert_eq!(tree["reason"], "failed: must");
    let range = &tree["parts"][0]["parts"][0];
    assert_eq!(range["clause"], "range");
    assert_eq!(range["field"], "price");
    assert_eq!(range["found"], 12);
    assert_eq!(range["reason"], "the number is not in {\"lt\":10}");
    assert_eq!(
        tree["parts"][1]["parts"][0]["reason"],
        "the document has no field `gone`"
    );
}

#[test]
fn says_why_each_kind_of_condition_failed() {
    for (filter, document, reason) in [
        (
            json!({"missing": "a"}),
            json!({"a": null}),
            "the field is there",
        ),
        (
            json!({"exists": "a[1]"}),
            json!({"a": [2]}),
            "the array does not hold 1",
        ),
        (
            json!({"exists": "a[1]"}),
            json!({"a": 1}),
            "the value is no array",
        ),
        (
            json!({"regexp": {"a": {"value": "^x", "flags": "i"}}}),
            json!({"a": "y"}),
            "/^x/i is not found in the text",
        ),
        (
            json!({"regexp": {"a": "x"}}),
            json!({"a": 5}),
            "the value is no string",
        ),
        (
            json!({"geoDistance": {"a": [0, 0], "distance": "1km"}}),
            json!({"a": "zz"}),
            "the value is no point",
        ),
        (
            json!({"geoDistance": {"a": [0, 0], "distance": "1km"}}),
            json!({"a": [0, 1]}),
            "111319.491 m away, at most 1000 m wanted",
        ),
        (
            json!({"match": {"a": [1]}}),
            json!({"a": [2]}),
            "the document does not contain the object",
        ),
        (
            json!({"select": {"field": "a", "index": 3, "query": {"exists": "value"}}}),
            json!({"a": [1]}),
            "the array has 1 elements, none at 3",
        ),
    ] {
        let tree = explained(filter, document);
        assert_eq!(tree["reason"], reason);
        assert_eq!(tree["matches"], false);
    }
}

#[test]
fn shows_the_query_of_a_select_and_shortens_what_is_long() {
    let filter = json!({"select": {"field": "a", "index": 0, "query": {"equals": {"value": "y"}}}});
    let tree = explained(filter, json!({"a": ["x".repeat(1_000)]}));
    assert_eq!(tree["found"], "an array of 1 elements");
    assert!(
        tree["parts"][0]["found"]
            .as_str()
            .unwrap()
            .ends_with("… (1000 bytes)")
    );
}
