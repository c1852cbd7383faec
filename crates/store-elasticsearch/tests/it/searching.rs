//! What a search may ask of Elasticsearch beside hits, and that nothing of ours shows in the answer.

use crate::prefix::open;
use serde_json::{Value, json};
use store::{
    Collection, SearchRequest, SearchResult, Snapshot, StoreError, View,
    contract::{Fixture, answers::all_done},
};
use store_elasticsearch::Elasticsearch;

async fn filled(view: &Elasticsearch) -> Fixture {
    let fixture = Fixture::with_mappings(json!({"properties": {
        "text": {"type": "text"},
        "group": {"type": "keyword"},
        "n": {"type": "long"},
        "title": {"type": "completion"},
        "inner": {"type": "nested", "properties": {"v": {"type": "long"}}},
    }}));
    view.create_collection(&fixture.collection)
        .await
        .expect("made");
    let texts = [
        (
            "a",
            r#"{"text":"quick brown fox","group":"x","n":1,"title":"alpha","inner":[{"v":1},{"v":2}]}"#,
        ),
        (
            "b",
            r#"{"text":"quick quick fox","group":"x","n":2,"o":{"_index":"mine","_id":"z"}}"#,
        ),
        ("c", r#"{"text":"lazy dog","group":"y","n":3}"#),
        ("d", r#"{"text":"quick","group":"y","n":4}"#),
    ];
    let mut writes: Vec<_> = (1_u64..)
        .zip(texts)
        .map(|(n, (id, text))| fixture.document(id, n, Some(text)))
        .collect();
    writes.push(fixture.document("gone", 9, None));
    all_done(&view.apply(&writes).await, writes.len());
    view.refresh(std::slice::from_ref(&fixture.collection))
        .await
        .expect("a refresh");
    fixture
}

fn request(body: Value) -> SearchRequest {
    serde_json::from_value(body).expect("a search")
}

async fn search(view: &Elasticsearch, fixture: &Fixture, body: Value) -> SearchResult {
    let found = view
        .search(&fixture.collection, &request(body.clone()))
        .await;
    let found = found.unwrap_or_else(|error| panic!("{body}: {error:?}"));
    let shown = serde_json::to_string(&found).expect("JSON");
    assert!(!shown.contains("_consign"), "{shown}");
    assert!(!shown.contains(&fixture.collection.index), "{shown}");
    found
}

fn ids(found: &SearchResult) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregations_are_answered() {
    let view = open();
    let f = filled(&view).await;
    let body = json!({"size": 0, "aggs": {
        "groups": {
            "terms": {"field": "group"},
            "aggs": {
                "sum": {"sum": {"field": "n"}},
                "first": {"top_hits": {"size": 1, "sort": [{"_id": "desc"}]}},
            },
        },
        "ids": {"terms": {"field": "_id", "order": {"_key": "asc"}}},
        "pages": {"composite": {"sources": [{"i": {"terms": {"field": "_id"}}}]}},
        "page": {"composite": {"sources": {"i": {"terms": {"field": "_id"}}}}},
        "some": {"filter": {"range": {"n": {"gte": 3}}}},
    }});
    let found = search(&view, &f, body).await;
    let all = found.aggregations.expect("aggregations");
    let first = &all["groups"]["buckets"][0];
    assert_eq!(
        (&first["key"], &first["sum"]["value"]),
        (&json!("x"), &json!(3.0))
    );
    let hit = &first["first"]["hits"]["hits"][0];
    // The document's own members keep their names.
    assert_eq!(
        (&hit["_id"], &hit["_source"]["o"]["_index"]),
        (&json!("b"), &json!("mine"))
    );
    assert_eq!(hit.get("_index"), None);
    let keys: Vec<_> = all["ids"]["buckets"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|bucket| &bucket["key"])
        .collect();
    // Markers are in no bucket.
    assert_eq!(keys, ["a", "b", "c", "d"]);
    assert_eq!(all["pages"]["buckets"].as_array().map(Vec::len), Some(4));
    assert_eq!(all["page"]["buckets"], all["pages"]["buckets"]);
    assert_eq!(all["some"]["doc_count"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_show_what_was_asked_for() {
    let view = open();
    let f = filled(&view).await;
    let body = json!({
        "query": {"match": {"text": "quick"}},
        "highlight": {"fields": {"*": {}}},
        "_source": ["n", "_consign"],
        "fields": ["*"],
        "docvalue_fields": ["_in*"],
    });
    let found = search(&view, &f, body).await;
    assert_eq!(found.count(), 3);
    let scores: Vec<f64> = found.hits.iter().filter_map(|hit| hit.score).collect();
    assert!(
        scores.len() == 3 && scores.is_sorted_by(|a, b| a >= b),
        "{scores:?}"
    );
    assert_eq!(found.max_score, Some(scores[0]));
    let b = found.hits.iter().find(|hit| hit.id == "b").expect("found");
    assert_eq!(b.source_text(), r#"{"n":2}"#);
    assert_eq!(
        b.highlight,
        Some(json!({"text": ["<em>quick</em> <em>quick</em> fox"]}))
    );
    assert_eq!(b.fields.as_ref().expect("fields")["n"], json!([2]));
    let body =
        json!({"query": {"match": {"text": "quick"}}, "min_score": scores[1], "_source": false});
    let found = search(&view, &f, body).await;
    assert_eq!((found.count(), found.hits[0].source_text()), (2, ""));
    let body = json!({"sort": "n", "collapse": {"field": "group", "inner_hits": {"name": "all", "sort": [{"_id": "desc"}]}}});
    let found = search(&view, &f, body).await;
    assert_eq!(ids(&found), ["a", "c"]);
    let inner = found.hits[0].inner_hits.as_ref().expect("inner hits");
    assert_eq!(inner["all"]["hits"]["hits"][0]["_id"], "b");
    let body = json!({"query": {"nested": {"path": "inner", "query": {"match_all": {}}, "inner_hits": {}}}});
    let found = search(&view, &f, body).await;
    let inner = found.hits[0].inner_hits.as_ref().expect("inner hits");
    assert_eq!(inner["inner"]["hits"]["total"]["value"], 2);
    let body = json!({"size": 0, "suggest": {
        "words": {"text": "quik", "term": {"field": "text"}},
        "titles": {"prefix": "al", "completion": {"field": "title"}},
    }});
    let suggest = search(&view, &f, body).await.suggest.expect("suggestions");
    assert_eq!(suggest["words"][0]["options"][0]["text"], "quick");
    assert_eq!(suggest["titles"][0]["options"][0]["_id"], "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_are_counted_as_far_as_was_asked_for() {
    let view = open();
    let f = filled(&view).await;
    let found = search(&view, &f, json!({"track_total_hits": false})).await;
    assert_eq!((found.total, found.hits.len()), (None, 4));
    let found = search(&view, &f, json!({"track_total_hits": 2})).await;
    assert_eq!((found.total, found.total_relation), (Some(2), Some("gte")));
    let found = search(&view, &f, json!({"track_total_hits": 10})).await;
    assert_eq!((found.total, found.total_relation), (Some(4), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_collections_are_one_search() {
    let view = open();
    let (f, g) = (filled(&view).await, filled(&view).await);
    let both = [&f.collection, &g.collection];
    let body = json!({"query": {"term": {"n": 4}}, "sort": ["_id"], "aggs": {"n": {"sum": {"field": "n"}}}});
    let found = view.search_together(&both, &request(body)).await;
    let found = found.expect("found");
    let mut places: Vec<_> = found.hits.iter().map(|hit| hit.collection).collect();
    places.sort_unstable();
    assert_eq!((found.count(), places), (2, vec![0, 1]));
    assert_eq!(found.aggregations, Some(json!({"n": {"value": 8.0}})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_a_snapshot_are_of_one_moment() {
    let view = open();
    let f = filled(&view).await;
    let all: [&Collection; 1] = [&f.collection];
    let snapshot = view.take_snapshot(&all, 60_000).await.expect("taken");
    let mut page = request(json!({"size": 2, "sort": [{"n": "desc"}, {"_id": "asc"}]}));
    page.snapshot = Some(snapshot.expect("Elasticsearch has snapshots"));
    let first = view.search(&f.collection, &page).await.expect("a page");
    assert_eq!(ids(&first), ["d", "c"]);
    // What is written meanwhile is not seen.
    let writes = [
        f.document("b", 20, None),
        f.document("e", 21, Some(r#"{"n":0}"#)),
    ];
    all_done(&view.apply(&writes).await, 2);
    let refreshed = view.refresh(std::slice::from_ref(&f.collection)).await;
    refreshed.expect("a refresh");
    page.snapshot = first.snapshot.clone();
    page.search_after = Some(first.hits[1].sort.clone());
    let second = view.search(&f.collection, &page).await.expect("a page");
    assert_eq!((ids(&second), second.count()), (vec!["b", "a"], 4));
    let gone = Snapshot {
        id: page
            .snapshot
            .expect("a snapshot")
            .id
            .replace(char::is_alphanumeric, "A"),
        keep: 60_000,
    };
    page.snapshot = Some(gone);
    let refused = view.search(&f.collection, &page).await;
    assert!(
        matches!(refused, Err(StoreError::BadSearch { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reaches_beyond_the_collection_is_refused_by_name() {
    let view = open();
    let f = filled(&view).await;
    let query =
        json!({"bool": {"filter": [{"terms": {"n": {"index": "other", "id": "1", "path": "n"}}}]}});
    let refused = view
        .search(&f.collection, &request(json!({"query": query})))
        .await;
    let expected = StoreError::Unsupported {
        clause: "terms look-up".to_owned(),
        pointer: "/query/bool/filter/0/terms/n".to_owned(),
    };
    assert_eq!(refused.err(), Some(expected.clone()));
    let counted = view.count(&f.collection, Some(&query)).await;
    assert_eq!(counted.err(), Some(expected));
}

/// What a field that is not mapped reads only the index can tell: asked once more, it tells what is
/// wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_only_the_index_can_read_is_named() {
    let view = open();
    let f = filled(&view).await;
    let write = [f.document("free", 10, Some(r#"{"free":5}"#))];
    all_done(&view.apply(&write).await, 1);
    let refreshed = view.refresh(std::slice::from_ref(&f.collection)).await;
    refreshed.expect("a refresh");
    let refused = async |body: Value| match view.search(&f.collection, &request(body)).await {
        Err(StoreError::BadSearch { message, pointer }) => (message, pointer),
        other => panic!("{other:?}"),
    };
    for value in [json!("abc"), json!(null)] {
        let body = json!({"sort": ["free"], "search_after": [value]});
        let (message, pointer) = refused(body).await;
        assert_eq!(pointer, "/search_after", "{message}");
        assert!(message.contains("`search_after`"), "{message}");
    }
    // Something else is wrong there.
    let body = json!({"sort": ["nowhere"], "search_after": ["abc"]});
    let (message, pointer) = refused(body).await;
    assert_eq!(pointer, "", "{message}");
}
