//! What is passed on and what is refused by name, wherever it stands.

use super::allow_search;
use serde_json::{Value, json};
use store::{SearchRequest, StoreError};

fn verdict(body: &Value) -> Option<(String, String)> {
    let request: SearchRequest = serde_json::from_value(body.clone()).expect("a search");
    match allow_search(&request) {
        Ok(()) => None,
        Err(StoreError::Unsupported { clause, pointer }) => Some((clause, pointer)),
        Err(StoreError::BadSearch { message, pointer }) => Some((message, pointer)),
        Err(other) => panic!("{other:?}"),
    }
}

fn in_all_places(query: &Value) -> Vec<(Value, &'static str)> {
    vec![
        (json!({"query": query}), "/query"),
        (json!({"post_filter": query}), "/post_filter"),
        (
            json!({"query": {"bool": {"must": [{"match_all": {}}, query]}}}),
            "/query/bool/must/1",
        ),
        (
            json!({"query": {"bool": {"filter": query}}}),
            "/query/bool/filter",
        ),
        (
            json!({"query": {"constant_score": {"filter": query}}}),
            "/query/constant_score/filter",
        ),
        (
            json!({"query": {"dis_max": {"queries": [query]}}}),
            "/query/dis_max/queries/0",
        ),
        (
            json!({"query": {"boosting": {"positive": {"match_all": {}}, "negative": query}}}),
            "/query/boosting/negative",
        ),
        (
            json!({"query": {"nested": {"path": "a", "query": query}}}),
            "/query/nested/query",
        ),
        (
            json!({"query": {"function_score": {"functions": [{"filter": query, "weight": 2}]}}}),
            "/query/function_score/functions/0/filter",
        ),
        (json!({"aggs": {"x": {"filter": query}}}), "/aggs/x/filter"),
        (
            json!({"aggs": {"x": {"filters": {"filters": {"y": query}}}}}),
            "/aggs/x/filters/filters/y",
        ),
        (
            json!({"aggs": {"x": {"terms": {"field": "a"}, "aggs": {"y": {"filters": {"filters": [query]}}}}}}),
            "/aggs/x/aggs/y/filters/filters/0",
        ),
        (
            json!({"highlight": {"fields": {"a": {"highlight_query": query}}}}),
            "/highlight/fields/a/highlight_query",
        ),
        (
            json!({"rescore": {"query": {"rescore_query": query}}}),
            "/rescore/query/rescore_query",
        ),
        (
            json!({"sort": [{"a.b": {"nested": {"path": "a", "filter": query}}}]}),
            "/sort/0/a.b/nested/filter",
        ),
    ]
}

#[test]
fn scripts_and_other_indices_are_refused_wherever_a_query_stands() {
    for (query, end) in [
        (json!({"script": {"script": "true"}}), "/script"),
        (
            json!({"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}}}),
            "/script_score",
        ),
        (
            json!({"terms": {"a": {"index": "other", "id": "1", "path": "b"}}}),
            "/terms/a",
        ),
        (
            json!({"geo_shape": {"p": {"indexed_shape": {"index": "other", "id": "1"}}}}),
            "/geo_shape/p",
        ),
        (
            json!({"more_like_this": {"fields": ["a"], "like": [{"_index": "other", "_id": "1"}]}}),
            "/more_like_this/like",
        ),
        (
            json!({"percolate": {"field": "q", "index": "other", "id": "1"}}),
            "/percolate",
        ),
        (json!({"wrapper": {"query": "eyJ9"}}), "/wrapper"),
        (json!({"pinned": {"docs": [], "organic": {}}}), "/pinned"),
        (
            json!({"terms_set": {"a": {"terms": ["x"], "minimum_should_match_script": {}}}}),
            "/terms_set/a",
        ),
        // An old name of `must_not`, which an index still takes.
        (
            json!({"bool": {"mustNot": {"script": {"script": "true"}}}}),
            "/bool/mustNot",
        ),
        (
            json!({"span_near": {"clauses": [{"span_term": {"_index": "other"}}]}}),
            "/span_near/clauses/0/span_term/_index",
        ),
        (json!({"exists": {"field": "_consign.id"}}), "/exists/field"),
        (
            json!({"multi_match": {"query": "x", "fields": ["a", "_index^2"]}}),
            "/multi_match/fields/1",
        ),
        (
            json!({"function_score": {"script_score": {"script": "1"}}}),
            "/function_score/script_score",
        ),
        (
            json!({"function_score": {"functions": [{"script_score": {"script": "1"}}]}}),
            "/function_score/functions/0/script_score",
        ),
        (
            json!({"nested": {"path": "a", "query": {"match_all": {}}, "inner_hits": {"script_fields": {}}}}),
            "/nested/inner_hits/script_fields",
        ),
        (json!({"term": {"_index": "other"}}), "/term/_index"),
        (
            json!({"term": {"_consign.request": "r"}}),
            "/term/_consign.request",
        ),
        (json!({"no_such_clause": {}}), "/no_such_clause"),
    ] {
        for (body, begin) in in_all_places(&query) {
            let found = verdict(&body).unwrap_or_else(|| panic!("{body} was passed on"));
            assert_eq!(found.1, format!("{begin}{end}"), "{body}");
        }
    }
}

#[test]
fn scripts_in_pages_and_aggregations_are_refused() {
    for (body, pointer) in [
        (json!({"sort": [{"_script": {}}]}), "/sort/0/_script"),
        (json!({"sort": "_index"}), "/sort"),
        (
            json!({"aggs": {"x": {"terms": {"script": "1"}}}}),
            "/aggs/x/terms/script",
        ),
        (
            json!({"aggs": {"x": {"scripted_metric": {}}}}),
            "/aggs/x/scripted_metric",
        ),
        (
            json!({"aggs": {"x": {"bucket_script": {}}}}),
            "/aggs/x/bucket_script",
        ),
        (
            json!({"aggs": {"x": {"bucket_selector": {}}}}),
            "/aggs/x/bucket_selector",
        ),
        (
            json!({"aggs": {"x": {"moving_fn": {}}}}),
            "/aggs/x/moving_fn",
        ),
        // Reads beyond the query, markers included.
        (json!({"aggs": {"x": {"global": {}}}}), "/aggs/x/global"),
        (
            json!({"aggs": {"x": {"terms": {"field": "_index"}}}}),
            "/aggs/x/terms/field",
        ),
        (
            json!({"aggs": {"x": {"top_hits": {"script_fields": {}}}}}),
            "/aggs/x/top_hits/script_fields",
        ),
        (
            json!({"aggs": {"x": {"top_hits": {"sort": {"_script": {}}}}}}),
            "/aggs/x/top_hits/sort/_script",
        ),
        (
            json!({"aggs": {"x": {"composite": {"sources": [{"s": {"terms": {"script": "1"}}}]}}}}),
            "/aggs/x/composite/sources/0/s/terms/script",
        ),
        // An index takes one source without an array around it.
        (
            json!({"aggs": {"x": {"composite": {"sources": {"s": {"terms": {"script": "1"}}}}}}}),
            "/aggs/x/composite/sources/s/terms/script",
        ),
        (
            json!({"aggs": {"x": {"weighted_avg": {"value": {"script": "1"}, "weight": {"field": "w"}}}}}),
            "/aggs/x/weighted_avg/value/script",
        ),
        (
            json!({"collapse": {"field": "a", "inner_hits": {"name": "n", "script_fields": {}}}}),
            "/collapse/inner_hits/script_fields",
        ),
        (
            json!({"suggest": {"s": {"phrase": {"field": "a", "collate": {}}}}}),
            "/suggest/s/phrase/collate",
        ),
        (json!({"fields": ["a", "_consign.request"]}), "/fields/1"),
        (
            json!({"collapse": {"field": "a", "inner_hits": {"name": "n", "fields": {"field": "_index"}}}}),
            "/collapse/inner_hits/fields",
        ),
    ] {
        let found = verdict(&body).unwrap_or_else(|| panic!("{body} was passed on"));
        assert_eq!(found.1, pointer, "{body}");
    }
}

#[test]
fn names_that_users_choose_are_no_parameters() {
    for body in [
        json!({"query": {"term": {"script": "x"}}}),
        json!({"query": {"match": {"script_score": {"query": "x"}}}}),
        json!({"query": {"term": {"field": "_index"}}}),
        json!({"aggs": {"script": {"terms": {"field": "script"}}}}),
        json!({"aggs": {"x": {"filters": {"filters": {"script": {"match_all": {}}}}}}}),
        json!({"aggs": {"x": {"composite": {"sources": [{"script": {"terms": {"field": "a"}}}]}}}}),
        json!({"aggs": {"x": {"terms": {"field": "a"}, "meta": {"script": 1}}}}),
        json!({"highlight": {"fields": {"script": {}}}}),
        json!({"sort": ["script", {"_score": "desc"}]}),
    ] {
        assert_eq!(verdict(&body), None, "{body}");
    }
}

#[test]
fn fields_of_the_index_are_refused_wherever_a_field_is_named() {
    let of_function = |function: Value| json!({"query": {"function_score": function}});
    for (body, pointer) in [
        (
            of_function(json!({"field_value_factor": {"field": "_seq_no"}})),
            "/query/function_score/field_value_factor/field",
        ),
        (
            of_function(json!({"functions": [{"gauss": {"_version": {"origin": 1, "scale": 1}}}]})),
            "/query/function_score/functions/0/gauss/_version",
        ),
        (
            of_function(json!({"random_score": {"seed": 1, "field": "_consign.id"}})),
            "/query/function_score/random_score/field",
        ),
        (
            json!({"query": {"field_masking_span": {"query": {"span_term": {"a": "x"}}, "field": "_routing"}}}),
            "/query/field_masking_span/field",
        ),
        (
            json!({"query": {"bool": {"filter": {"query_string": {"query": "a _in\\dex:x"}}}}}),
            "/query/bool/filter/query_string/query",
        ),
        (
            json!({"query": {"distance_feature": {"field": "_version", "origin": 1, "pivot": 1}}}),
            "/query/distance_feature/field",
        ),
        (
            json!({"aggs": {"x": {"matrix_stats": {"fields": ["a", "_seq_no"]}}}}),
            "/aggs/x/matrix_stats/fields/1",
        ),
        (
            json!({"aggs": {"x": {"multi_terms": {"terms": [{"field": "a"}, {"field": "_tier"}]}}}}),
            "/aggs/x/multi_terms/terms/1/field",
        ),
        (
            json!({"highlight": {"fields": [{"a": {}}, {"_routing": {}}]}}),
            "/highlight/fields/1/_routing",
        ),
        (
            json!({"highlight": {"fields": {"a": {"matched_fields": ["a", "_source"]}}}}),
            "/highlight/fields/a/matched_fields/1",
        ),
        (
            json!({"suggest": {"s": {"text": "x", "term": {"field": "_index"}}}}),
            "/suggest/s/term/field",
        ),
        (
            json!({"sort": [{"_geo_distance": {"_routing": "1,1"}}]}),
            "/sort/0/_geo_distance/_routing",
        ),
        (
            json!({"collapse": {"field": "_routing"}}),
            "/collapse/field",
        ),
    ] {
        let found = verdict(&body).unwrap_or_else(|| panic!("{body} was passed on"));
        assert_eq!(found.1, pointer, "{body}");
    }
    for body in [
        of_function(json!({"random_score": {"seed": 1, "field": "_seq_no"}})),
        json!({"sort": ["_id", "_score", "_doc"]}),
        json!({"aggs": {"x": {"terms": {"field": "_id"}}}}),
        json!({"query": {"term": {"_kuzzle_info.author": "x"}}}),
    ] {
        assert_eq!(verdict(&body), None, "{body}");
    }
}
