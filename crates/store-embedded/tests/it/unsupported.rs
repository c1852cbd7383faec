//! What a search here cannot answer as Elasticsearch would is refused by name and place.

use crate::opened::open;
use serde_json::{Value, json};
use store::{SearchRequest, StoreError, View as _, contract::Fixture};

fn mappings() -> Value {
    json!({"properties": {
        "k": {"type": "keyword"},
        "n": {"type": "long"},
        "at": {"type": "date"},
        "day": {"type": "date", "format": "EEE dd MMM yyyy"},
        "p": {"type": "geo_point"},
        "kept": {"type": "date", "ignore_malformed": true},
        "inner": {"type": "nested"},
        "both": {"type": "nested", "include_in_parent": true},
        "vector": {"type": "dense_vector", "dims": 3},
        "english": {"type": "text", "analyzer": "english"},
    }})
}

#[tokio::test]
async fn other_clauses_and_parameters_are_named() {
    let opened = open().await;
    let fixture = Fixture::with_mappings(mappings());
    opened
        .searched()
        .fill(&fixture, &[fixture.document("a", 1, Some(r#"{"k":"x"}"#))])
        .await;
    let far = json!({"lat": 1, "lon": 1});
    for (body, clause, pointer) in [
        (
            json!({"query": {"query_string": {"query": "a*"}}}),
            "query_string of all fields",
            "/query/query_string",
        ),
        (
            json!({"query": {"query_string": {"query": "a OR /b/", "fields": ["k"]}}}),
            "query_string with a regular expression",
            "/query/query_string/query",
        ),
        (
            json!({"query": {"simple_query_string": {"query": "a", "fields": ["k"], "flags": "AND"}}}),
            "simple_query_string.flags",
            "/query/simple_query_string/flags",
        ),
        (
            json!({"query": {"bool": {"must": [{"match_all": {}}, {"fuzzy": {"k": {"value": "a", "rewrite": "x"}}}]}}}),
            "fuzzy.rewrite",
            "/query/bool/must/1/fuzzy/k/rewrite",
        ),
        (
            json!({"post_filter": {"fuzzy": {"k": "a"}}}),
            "fuzzy terms in a filter of aggregations or hits",
            "/post_filter",
        ),
        (
            json!({"query": {"nested": {"path": "n", "ignore_unmapped": true, "query": {"range": {"at": {"gte": "2020-01-01T24:00:00"}}}}}}),
            "a malformed query of nested objects that are not mapped",
            "/query/nested/query",
        ),
        (
            json!({"query": {"nested": {"path": "inner", "query": {"match_all": {}}, "inner_hits": {}}}}),
            "nested.inner_hits",
            "/query/nested/inner_hits",
        ),
        (
            json!({"query": {"match": {"k": {"query": "a", "fuzziness": 3}}}}),
            "the fuzziness 3",
            "/query/match/k/fuzziness",
        ),
        (json!({"query": {"term": {"k": "a", "_name": "x"}}}), "", ""),
        (
            json!({"query": {"terms": {"k": {"index": "i", "id": "1", "path": "p"}}}}),
            "terms look-up",
            "/query/terms/k",
        ),
        (
            json!({"query": {"range": {"at": {"gte": "2020", "time_zone": "Europe/Paris"}}}}),
            "the time zone `Europe/Paris`",
            "/query/range/at/time_zone",
        ),
        (
            json!({"query": {"range": {"at": {"gte": "2020", "relation": "within"}}}}),
            "range.relation",
            "/query/range/at/relation",
        ),
        (
            json!({"sort": ["inner.x"]}),
            "sort on a field of type `nested`",
            "/sort/0",
        ),
        (
            json!({"query": {"term": {"both.x": "x"}}}),
            "term on nested objects with `include_in_parent`",
            "/query/term/both.x",
        ),
        (
            json!({"query": {"term": {"vector": "x"}}}),
            "term on a field of type `dense_vector`",
            "/query/term/vector",
        ),
        (
            json!({"query": {"regexp": {"k": "a~b"}}}),
            "this regular expression",
            "/query/regexp/k",
        ),
        (
            json!({"query": {"exists": {"field": "_source"}}}),
            "exists on `_source`",
            "/query/exists",
        ),
        (
            json!({"query": {"match": {"english": "x"}}}),
            "match on a field with `analyzer`",
            "/query/match/english",
        ),
        (
            json!({"query": {"term": {"day": "01/02/2020"}}}),
            "term on a date of a format of its own",
            "/query/term/day",
        ),
        (
            json!({"query": {"exists": {"field": "k*"}}}),
            "exists on a pattern of fields",
            "/query/exists",
        ),
        (
            json!({"query": {"geo_distance": {"distance": "1km", "distance_type": "plane", "p": far}}}),
            "geo_distance.distance_type",
            "/query/geo_distance/distance_type",
        ),
        (
            json!({"query": {"bool": {"should": [], "minimum_should_match": "2<75%"}}}),
            "minimum_should_match with conditions",
            "/query/bool/minimum_should_match",
        ),
        (json!({"sort": ["_doc"]}), "sort by _doc", "/sort/0"),
        (
            json!({"sort": [{"n": {"order": "asc", "mode": "avg"}}]}),
            "sort.mode",
            "/sort/0/n/mode",
        ),
        (
            json!({"sort": [{"n": {"nested": {}}}]}),
            "sort.nested",
            "/sort/0/n/nested",
        ),
        (
            json!({"sort": [{"free": {"missing": 5}}]}),
            "sort.missing",
            "/sort/0/free/missing",
        ),
        (
            json!({"post_filter": {"script": {"script": "true"}}}),
            "script",
            "/post_filter/script",
        ),
        (
            json!({"collapse": {"field": "k", "inner_hits": {"name": "x"}}}),
            "collapse.inner_hits",
            "/collapse/inner_hits",
        ),
        (
            json!({"highlight": {"type": "plain", "fields": {}}}),
            "highlight.type",
            "/highlight/type",
        ),
        (
            json!({"query": {"match_phrase": {"t": "a b"}}, "highlight": {"fields": {"t": {}}}}),
            "highlight of what is not found by whole terms",
            "/highlight/fields/t",
        ),
        (
            json!({"highlight": {"fields": {"k": {"highlight_query": {"match_all": {}}}}}}),
            "highlight.highlight_query",
            "/highlight/fields/k/highlight_query",
        ),
        (
            json!({"_source": {"includes": ["k"], "exclude_vectors": true}}),
            "_source.exclude_vectors",
            "/_source/exclude_vectors",
        ),
    ] {
        let request: SearchRequest = serde_json::from_value(body.clone()).expect("a search");
        match opened.store.search(&fixture.collection, &request).await {
            Err(StoreError::Unsupported {
                clause: found,
                pointer: at,
            }) => {
                assert_eq!((found.as_str(), at.as_str()), (clause, pointer), "{body}")
            }
            Err(StoreError::BadSearch { .. }) if clause.is_empty() => {}
            other => panic!("{body} must be refused, not {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_sort_by_a_name_that_nothing_has_is_a_mistake() {
    let opened = open().await;
    let fixture = Fixture::new();
    opened
        .searched()
        .fill(
            &fixture,
            &[fixture.document("a", 1, Some(r#"{"n":1,"t":"text"}"#))],
        )
        .await;
    let search = async |sort: Value| {
        let request: SearchRequest =
            serde_json::from_value(json!({"sort": sort})).expect("a search");
        opened
            .store
            .search(&fixture.collection, &request)
            .await
            .map(|result| result.count())
    };
    assert_eq!(search(json!(["n"])).await, Ok(1));
    assert_eq!(
        search(json!([{"m": {"unmapped_type": "long"}}])).await,
        Ok(1)
    );
    assert!(
        matches!(search(json!(["m"])).await, Err(StoreError::BadSearch { message, .. }) if message.contains("`m`"))
    );
    assert!(
        matches!(search(json!(["t"])).await, Err(StoreError::BadSearch { message, .. }) if message.contains("`t.keyword`"))
    );
}

#[tokio::test]
async fn other_aggregations_and_their_parameters_are_named() {
    let opened = open().await;
    let fixture = Fixture::with_mappings(mappings());
    let document = r#"{"k":"x","n":1,"at":9223372036854775807}"#;
    opened
        .searched()
        .fill(&fixture, &[fixture.document("a", 1, Some(document))])
        .await;
    for (aggregation, clause, pointer) in [
        (
            json!({"terms": {"field": "k", "script": "1"}}),
            "terms.script",
            "/terms/script",
        ),
        (
            json!({"terms": {"field": "k", "missing": "y"}}),
            "terms.missing",
            "/terms/missing",
        ),
        (
            json!({"sum": {"field": "n", "missing": 1}}),
            "sum.missing",
            "/sum/missing",
        ),
        (
            json!({"range": {"field": "n", "ranges": [{"to": 1, "mask": "x"}]}}),
            "range.mask",
            "/range/ranges/0/mask",
        ),
        (
            json!({"histogram": {"field": "n", "interval": 1, "hard_bounds": {}}}),
            "histogram.hard_bounds",
            "/histogram/hard_bounds",
        ),
        (
            json!({"date_histogram": {"field": "at", "fixed_interval": "1d", "offset": "1h"}}),
            "date_histogram.offset",
            "/date_histogram/offset",
        ),
        (
            json!({"filters": {"filters": [{"script": {"script": "true"}}]}}),
            "script",
            "/filters/filters/0/script",
        ),
        (
            json!({"top_hits": {"script_fields": {}}}),
            "top_hits.script_fields",
            "/top_hits/script_fields",
        ),
        (json!({"global": {}}), "the aggregation `global`", "/global"),
        (
            json!({"terms": {"field": "p"}}),
            "terms on such a field",
            "/terms/field",
        ),
        // More than an index shows in a bucket.
        (json!({"top_hits": {"size": 101}}), "", ""),
        (json!({"top_hits": {"size": 60, "from": 41}}), "", ""),
    ] {
        for inside in [false, true] {
            let (aggs, begin) = if inside {
                let outer = json!({"o": {"terms": {"field": "k"}, "aggs": {"x": aggregation}}});
                (outer, "/aggs/o/aggs/x")
            } else {
                (json!({"x": aggregation}), "/aggs/x")
            };
            let request = json!({"size": 0, "aggs": aggs});
            let request: SearchRequest = serde_json::from_value(request).expect("a search");
            match opened.store.search(&fixture.collection, &request).await {
                Err(StoreError::Unsupported {
                    clause: found,
                    pointer: at,
                }) => assert_eq!(
                    (found, at),
                    (clause.to_owned(), format!("{begin}{pointer}"))
                ),
                Err(StoreError::BadSearch { .. }) if clause.is_empty() => {}
                other => panic!("{aggregation} must be refused, not {other:?}"),
            }
        }
    }
    // The day around the last moment of all has no end.
    let days = json!({"date_histogram": {"field": "at", "calendar_interval": "day"}});
    let request = json!({"size": 0, "aggs": {"x": days}});
    let request: SearchRequest = serde_json::from_value(request).expect("a search");
    let refused = opened.store.search(&fixture.collection, &request).await;
    assert!(
        matches!(refused, Err(StoreError::Unsupported { .. })),
        "{refused:?}"
    );
}

/// Whether an exponent stands there only the text tells, and an index passes over such a date.
#[tokio::test]
async fn fractions_among_lenient_dates_are_named() {
    let opened = open().await;
    let fixture = Fixture::with_mappings(mappings());
    let write = fixture.document("a", 1, Some(r#"{"kept":1.5e12}"#));
    opened.searched().fill(&fixture, &[write]).await;
    for body in [
        json!({"query": {"exists": {"field": "kept"}}}),
        json!({"query": {"range": {"kept": {"gte": 0}}}}),
        json!({"sort": ["kept"]}),
    ] {
        let request: SearchRequest = serde_json::from_value(body).expect("a search");
        let answer = opened.store.search(&fixture.collection, &request).await;
        let clause = "a fraction in a date with `ignore_malformed`".to_owned();
        let pointer = "/query".to_owned();
        let named = StoreError::Unsupported { clause, pointer };
        assert_eq!(answer.err(), Some(named), "{request:?}");
    }
}
