//! Searches in fields whose mapping says more than a type, with the answers that Elasticsearch gives.
//! Pure data: nothing here may depend on a view.

use serde_json::{Value, json};

pub fn mappings() -> Value {
    json!({"properties": {
        "whole": {"type": "text", "analyzer": "keyword"},
        "title": {"type": "text"},
        "kind": {"type": "keyword"},
        "n": {"type": "short"},
        "all": {"type": "keyword"},
        "nulls": {"type": "keyword", "null_value": [1, 2.5, ["x"], true]},
        "flat": {"type": "object", "subobjects": false, "properties": {
            "a": {"type": "keyword", "copy_to": "all"},
            "b.c": {"type": "keyword", "copy_to": "all"},
        }},
    }})
}

/// Ids are one letter each, so that an answer is a word.
pub const DOCUMENTS: &[(&str, &str)] = &[
    ("a", r#"{"whole":"","title":"a quick fox","kind":"","n":3}"#),
    ("b", r#"{"whole":" ","title":"!","kind":" ","n":-3}"#),
    ("c", r#"{"flat":{"a":"x","b":{"c":"y"}}}"#),
    ("d", r#"{"flat.b.c":"x","nulls":["a",null]}"#),
];

/// Queries, and the ids that they find, sorted.
pub fn queries() -> Vec<(Value, &'static str)> {
    vec![
        // The whole text is one term, also where it is empty.
        (json!({"match": {"whole": ""}}), "a"),
        (
            json!({"match": {"whole": {"query": "", "lenient": true}}}),
            "a",
        ),
        (json!({"match_phrase": {"whole": ""}}), "a"),
        (json!({"term": {"whole": ""}}), "a"),
        (json!({"match": {"whole": " "}}), "b"),
        // All documents are found only where a text has no terms.
        (
            json!({"match": {"whole": {"query": "", "zero_terms_query": "all"}}}),
            "a",
        ),
        (
            json!({"match": {"kind": {"query": " ", "zero_terms_query": "all"}}}),
            "b",
        ),
        (
            json!({"match": {"title": {"query": "!", "zero_terms_query": "all"}}}),
            "abcd",
        ),
        (
            json!({"match": {"title": {"query": "!", "zero_terms_query": "none"}}}),
            "",
        ),
        // A time zone says something about dates alone.
        (json!({"range": {"n": {"gte": 1, "time_zone": "UTC"}}}), "a"),
        (
            json!({"range": {"kind": {"gte": " ", "time_zone": "+01:00"}}}),
            "b",
        ),
        // Copies come out of objects without subobjects as well.
        (json!({"term": {"all": "x"}}), "cd"),
        (json!({"term": {"all": "y"}}), "c"),
        // What stands for null in a keyword is one text.
        (json!({"term": {"nulls": "[1, 2.5, [x], true]"}}), "d"),
        (json!({"term": {"nulls": "1"}}), ""),
    ]
}
