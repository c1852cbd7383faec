//! Searches in fields whose mapping says more than a type, with the answers that Elasticsearch gives.
//! Pure data: nothing here may depend on a view.

use serde_json::{Value, json};

pub fn mappings() -> Value {
    json!({"properties": {
        "whole": {"type": "text", "analyzer": "keyword"},
        "title": {"type": "text"},
        "mute": {"type": "text", "index": false},
        "kind": {"type": "keyword"},
        "bare": {"type": "keyword", "index": false},
        "n": {"type": "short"},
        "all": {"type": "keyword"},
        "labels": {"type": "flattened"},
        "tagged": {"type": "keyword", "copy_to": ["labels.by", "labels.of.it"]},
        "cell": {"type": "keyword", "copy_to": "place"},
        "place": {"type": "geo_point"},
        "rank": {"type": "integer", "index": false},
        "nulls": {"type": "keyword", "null_value": [1, 2.5, ["x"], true]},
        "crew": {"type": "nested", "properties": {
            "name": {"type": "keyword", "copy_to": "crew.any"},
            "any": {"type": "text"},
            "age": {"type": "long"},
            "bio": {"type": "text"},
            "ships": {"type": "nested", "properties": {"name": {"type": "keyword"}}},
        }},
        "off": {"type": "object", "enabled": false, "properties": {"in": {"type": "object"}}},
        "flat": {"type": "object", "subobjects": false, "properties": {
            "a": {"type": "keyword", "copy_to": "all"},
            "b.c": {"type": "keyword", "copy_to": "all"},
        }},
    }})
}

/// Ids are one letter each, so that an answer is a word.
pub const DOCUMENTS: &[(&str, &str)] = &[
    (
        "a",
        r#"{"whole":"","title":"a quick fox","kind":"","bare":"","n":3,"note":""}"#,
    ),
    ("b", r#"{"whole":" ","title":"!","kind":" ","n":-3}"#),
    ("c", r#"{"flat":{"a":"x","b":{"c":"y"}}}"#),
    ("d", r#"{"flat.b.c":"x","nulls":["a",null]}"#),
    (
        "e",
        r#"{"title":"the lazy brown dog","crew":[{"name":"ann","age":30,"bio":"old sailor"},{"name":"bob","age":40}]}"#,
    ),
    (
        "f",
        r#"{"title":"quack","kind":"quack","bare":["quack","x"],"crew":{"name":"ann","age":40,"ships":[{"name":"x"},{"name":"y"}]}}"#,
    ),
    ("g", r#"{"crew":[{}],"off":{"in":{"x":1}}}"#),
    (
        "h",
        r#"{"crew.name":"cat","crew.age":7,"tagged":["z","y"],"cell":[["u33dc0"],"s00000"],"rank":5}"#,
    ),
];

/// Queries, and the ids that they find, sorted.
pub fn queries() -> Vec<(Value, &'static str)> {
    let mut all = declared();
    all.push((json!({"exists": {"field": "off.in"}}), ""));
    // What is copied to a key of a flattened field is one of its leaves.
    for query in [
        json!({"term": {"labels": "z"}}),
        json!({"term": {"labels.by": "y"}}),
        json!({"prefix": {"labels.of.it": "z"}}),
        json!({"exists": {"field": "labels"}}),
        json!({"exists": {"field": "labels.by"}}),
    ] {
        all.push((query, "h"));
    }
    all.push((json!({"exists": {"field": "labels.of"}}), ""));
    all.extend(near());
    all.extend(nested());
    all.extend(written());
    all
}

/// Terms that are nearly right.
fn near() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"fuzzy": {"title": "quikc"}}), "a"),
        (
            json!({"fuzzy": {"title": {"value": "quick", "fuzziness": 0}}}),
            "a",
        ),
        (
            json!({"fuzzy": {"title": {"value": "quick", "fuzziness": 1}}}),
            "af",
        ),
        (
            json!({"fuzzy": {"title": {"value": "uqick", "fuzziness": 1, "transpositions": false}}}),
            "",
        ),
        (
            json!({"fuzzy": {"title": {"value": "quick", "fuzziness": 1, "max_expansions": 1}}}),
            "a",
        ),
        (
            json!({"fuzzy": {"title": {"value": "quick", "fuzziness": 1, "prefix_length": 3}}}),
            "a",
        ),
        (json!({"fuzzy": {"kind": "quick"}}), "f"),
        (
            json!({"fuzzy": {"kind": {"value": "", "fuzziness": 1}}}),
            "a",
        ),
        // Of what is not indexed each value is looked at, how many there are and how long they are.
        (json!({"fuzzy": {"bare": "quick"}}), "f"),
        (
            json!({"fuzzy": {"bare": {"value": "", "fuzziness": 1}}}),
            "af",
        ),
        (
            json!({"fuzzy": {"bare": {"value": "quick", "prefix_length": 3}}}),
            "",
        ),
        (
            json!({"match": {"title": {"query": "quik dgo", "fuzziness": "AUTO"}}}),
            "ae",
        ),
        (
            json!({"match": {"title": {"query": "laz dgo", "fuzziness": "AUTO", "operator": "and"}}}),
            "e",
        ),
        (
            json!({"bool": {"must_not": {"fuzzy": {"title": "quikc"}}}}),
            "bcdefgh",
        ),
    ]
}

/// Each of the objects is a document of its own.
fn nested() -> Vec<(Value, &'static str)> {
    let of = |query: Value| json!({"nested": {"path": "crew", "query": query}});
    let ann = json!({"term": {"crew.name": "ann"}});
    let forty = json!({"term": {"crew.age": 40}});
    vec![
        (of(json!({"match_all": {}})), "efgh"),
        (of(ann.clone()), "ef"),
        (of(json!({"bool": {"must": [ann, forty]}})), "f"),
        (of(json!({"bool": {"must_not": ann}})), "egh"),
        (json!({"bool": {"must_not": of(ann.clone())}}), "abcdgh"),
        (of(json!({"match": {"crew.bio": "SAILOR"}})), "e"),
        (of(json!({"match": {"crew.any": "BOB"}})), "e"),
        (of(json!({"exists": {"field": "crew"}})), "efh"),
        (of(json!({"term": {"kind": "quack"}})), ""),
        // From outside nothing of them is seen.
        (ann, ""),
        (json!({"exists": {"field": "crew"}}), ""),
        (json!({"exists": {"field": "crew.name"}}), ""),
        (
            json!({"nested": {"path": "crew.ships", "query": {"term": {"crew.ships.name": "x"}}}}),
            "f",
        ),
        (
            of(
                json!({"nested": {"path": "crew.ships", "query": {"term": {"crew.ships.name": "x"}}}}),
            ),
            "f",
        ),
        (
            json!({"nested": {"path": "kind", "query": {"match_all": {}}, "ignore_unmapped": true}}),
            "",
        ),
    ]
}

/// Queries written as text.
fn written() -> Vec<(Value, &'static str)> {
    let classic =
        |text: &str| json!({"query_string": {"query": text, "fields": ["title", "kind"]}});
    let simple =
        |text: &str| json!({"simple_query_string": {"query": text, "fields": ["title", "kind"]}});
    vec![
        (classic("quick"), "a"),
        (classic("quick lazy"), "ae"),
        (classic("lazy AND dog"), "e"),
        (classic("lazy AND quick"), ""),
        (classic("quick OR lazy AND dog"), "e"),
        (classic("NOT quick"), "bcdefgh"),
        (classic("lazy AND (NOT quick)"), "e"),
        (classic("brown -lazy"), ""),
        (classic("+brown quick"), "e"),
        (classic("(quick OR lazy) AND (fox OR dog)"), "ae"),
        (classic("\"quick fox\""), "a"),
        (classic("\"fox quick\"~2"), "a"),
        (classic("QU*"), "af"),
        (classic("q?ick"), "a"),
        (classic("quikc~1"), "a"),
        (classic("kind:quack"), "f"),
        (classic("kind:(quack OR x)"), "f"),
        (classic("kind:quick"), ""),
        (classic("n:[1 TO 5]"), "a"),
        (classic("n:{-3 TO *}"), "a"),
        (classic("n:>=-3"), "ab"),
        (classic("_exists_:n"), "ab"),
        (classic("n:*"), "ab"),
        (classic("*:*"), "abcdefgh"),
        (classic("nowhere:x"), ""),
        (classic("quick^2 lazy"), "ae"),
        (simple("quick"), "a"),
        (simple("quick lazy"), "ae"),
        (simple("lazy + dog"), "e"),
        (simple("lazy + quick"), ""),
        (simple("quick | lazy + dog"), "e"),
        (simple("+brown -lazy"), "abcdefgh"),
        (simple("-quick"), "bcdefgh"),
        (simple("\"fox quick\"~2"), "a"),
        (simple("qu*"), "af"),
        (simple("quikc~1"), "a"),
        (simple("((quick | lazy"), "ae"),
        (simple("\"quick"), "a"),
        (simple("*"), "abcdefgh"),
    ]
}

fn geo_near(cell: &str) -> Value {
    json!({"geo_distance": {"distance": "1km", "place": cell}})
}

fn declared() -> Vec<(Value, &'static str)> {
    vec![
        // The whole text is one term, also where it is empty.
        (json!({"match": {"whole": ""}}), "a"),
        (
            json!({"match": {"whole": {"query": "", "lenient": true}}}),
            "a",
        ),
        (json!({"match_phrase": {"whole": ""}}), "a"),
        // Nothing is looked for, so it need not be there to be looked for.
        (json!({"match": {"mute": ""}}), ""),
        (json!({"match_phrase": {"mute": "!"}}), ""),
        (json!({"match_phrase_prefix": {"mute": ""}}), ""),
        (
            json!({"multi_match": {"query": "", "fields": ["mute", "title"]}}),
            "",
        ),
        (json!({"term": {"whole": ""}}), "a"),
        (json!({"match": {"note.keyword": ""}}), "a"),
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
            "abcdefgh",
        ),
        (
            json!({"match": {"title": {"query": "!", "zero_terms_query": "none"}}}),
            "",
        ),
        // A time zone says something about dates alone.
        (json!({"range": {"n": {"gte": 1, "time_zone": "UTC"}}}), "a"),
        (
            json!({"range": {"kind": {"gte": " ", "time_zone": "+01:00"}}}),
            "bf",
        ),
        // Copies come out of objects without subobjects as well.
        (json!({"term": {"all": "x"}}), "cd"),
        (json!({"term": {"all": "y"}}), "c"),
        // What stands for null in a keyword is one text.
        (json!({"term": {"nulls": "[1, 2.5, [x], true]"}}), "d"),
        (json!({"term": {"nulls": "1"}}), ""),
        // Each value of an array is copied by itself, however deep it stands.
        (json!({"exists": {"field": "place"}}), "h"),
        (geo_near("u33dc0"), "h"),
        (geo_near("s00000"), "h"),
        // What is not indexed is compared value by value, also with what it cannot hold.
        (
            json!({"terms": {"rank": [5, 9_223_372_036_854_775_807_i64]}}),
            "h",
        ),
        (
            json!({"terms": {"rank": [-9_223_372_036_854_775_808_i64]}}),
            "",
        ),
    ]
}
