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
        "inner": {"type": "nested"},
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
            "query_string",
            "/query/query_string",
        ),
        (
            json!({"query": {"bool": {"must": [{"match_all": {}}, {"fuzzy": {"k": "a"}}]}}}),
            "fuzzy",
            "/query/bool/must/1/fuzzy",
        ),
        (
            json!({"query": {"bool": {"filter": {"nested": {}}}}}),
            "nested",
            "/query/bool/filter/nested",
        ),
        (
            json!({"query": {"match": {"k": {"query": "a", "fuzziness": 1}}}}),
            "match.fuzziness",
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
            json!({"query": {"term": {"inner": "x"}}}),
            "term on a field of type `nested`",
            "/query/term/inner",
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
