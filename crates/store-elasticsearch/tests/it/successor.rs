//! A second index for a collection: filled beside the first, put in its place, alone.

use crate::prefix::{http, lease, open};
use serde_json::{Value, json};
use store::{
    Collection, ItemVerdict, SearchRequest, Succession, View,
    contract::{Fixture, answers::all_done},
};
use store_elasticsearch::Elasticsearch;
use testbed::Servers;

/// The ids that a search finds.
async fn found(view: &Elasticsearch, collection: &Collection, query: Value) -> Vec<String> {
    let request = SearchRequest {
        query: Some(query),
        size: 10,
        ..SearchRequest::default()
    };
    let found = view.search(collection, &request).await.expect("a search");
    let mut ids: Vec<String> = found.hits.into_iter().map(|hit| hit.id).collect();
    ids.sort();
    ids
}

fn alias_of(collection: &Collection) -> String {
    format!(
        "{}{}.{}.{}",
        lease(),
        collection.index,
        collection.collection,
        collection.incarnation
    )
}

/// The ids that a search of the index behind the alias with this suffix finds, as the server says.
fn refreshed_ids(collection: &Collection, suffix: &str) -> Vec<String> {
    let address = &Servers::shared().addresses().elasticsearch;
    let path = format!("/{}{suffix}/_search?_source=false", alias_of(collection));
    let (_, answer) = http(address, "GET", &path, None);
    let hits = answer["hits"]["hits"].as_array().expect("hits").iter();
    let mut ids: Vec<String> = hits
        .map(|hit| hit["_id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort();
    ids
}

/// The indices whose names begin as the collection's.
fn indices(collection: &Collection) -> Vec<String> {
    let alias = alias_of(collection);
    let address = &Servers::shared().addresses().elasticsearch;
    let path = format!("/_cat/indices/{alias}*?format=json");
    let (_, answer) = http(address, "GET", &path, None);
    let names = answer.as_array().expect("a list").iter();
    let mut names: Vec<String> = names
        .map(|one| one["index"].as_str().expect("a name").replace(&alias, ""))
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_index_takes_the_place_of_the_first() {
    let view = open();
    let f = Fixture::with_mappings(json!({"properties": {"n": {"type": "keyword"}}}));
    let first = &f.collection;
    let second = Collection {
        mappings: Some(json!({"properties": {"n": {"type": "long"}}})),
        ..first.clone()
    };
    let named = std::slice::from_ref(first);
    let between = json!({"range": {"n": {"gte": 9, "lte": 11}}});
    view.create_collection(first).await.expect("made");
    let old = [
        f.document("a", 1, Some(r#"{"n":10}"#)),
        f.document("b", 2, Some(r#"{"n":20}"#)),
    ];
    all_done(&view.apply(&old).await, 2);
    view.refresh(named).await.expect("a refresh");
    assert_eq!(view.succession(first).await, Ok(Succession::None));

    view.begin_successor(&second).await.expect("begun");
    view.begin_successor(&second).await.expect("made anew");
    assert_eq!(view.succession(first).await, Ok(Succession::Begun));
    all_done(&view.apply_to_successor(&old[..1]).await, 1);
    let all = json!({"match_all": {}});
    assert_eq!(found(&view, first, all.clone()).await, ["a", "b"]);
    assert_eq!(indices(first).len(), 2);
    // What is stale there is skipped, as anywhere.
    all_done(
        &view
            .apply_to_successor(&[f.document("b", 5, Some(r#"{"n":11}"#))])
            .await,
        1,
    );
    all_done(&view.apply_to_successor(&old).await, 2);
    // Who writes to both is found in both, and a refresh is one of both.
    let shared = [f.document("e", 8, Some(r#"{"n":10}"#))];
    all_done(&view.apply_to_both(&shared).await, 1);
    all_done(&view.apply_to_both(&shared).await, 1);
    let refused = f.document("f", 8, Some(r#"{"n":"word"}"#));
    let verdicts = view.apply_to_both(&[refused, shared[0].clone()]).await;
    let permanent = matches!(verdicts[0], ItemVerdict::Permanent { .. });
    assert!(
        permanent && verdicts[1] == ItemVerdict::Done,
        "{verdicts:?}"
    );
    view.refresh(named).await.expect("a refresh");
    assert_eq!(found(&view, first, all.clone()).await, ["a", "b", "e"]);
    assert_eq!(refreshed_ids(first, ".next"), ["a", "b", "e"]);

    view.promote_successor(&second).await.expect("promoted");
    view.promote_successor(&second).await.expect("again");
    assert_eq!(view.succession(first).await, Ok(Succession::Promoted));
    // Searched at once, by the new mapping; what is written goes there by both ways.
    assert_eq!(
        found(&view, &second, between.clone()).await,
        ["a", "b", "e"]
    );
    all_done(
        &view
            .apply_to_both(&[f.document("g", 9, Some(r#"{"n":10}"#))])
            .await,
        1,
    );
    all_done(
        &view.apply(&[f.document("c", 6, Some(r#"{"n":9}"#))]).await,
        1,
    );
    all_done(
        &view
            .apply_to_successor(&[f.document("d", 7, Some(r#"{"n":9}"#))])
            .await,
        1,
    );
    view.refresh(named).await.expect("a refresh");
    let all_of_them = ["a", "b", "c", "d", "e", "g"];
    assert_eq!(found(&view, &second, between).await, all_of_them);
    view.end_succession(&second).await.expect("ended");
    view.end_succession(&second).await.expect("again");
    assert_eq!(view.succession(first).await, Ok(Succession::None));
    assert_eq!(indices(first), ["-000002"]);

    // One that is given up leaves the collection as it is; one that is dropped leaves nothing.
    view.begin_successor(first).await.expect("begun");
    view.end_succession(first).await.expect("given up");
    assert_eq!(indices(first), ["-000002"]);
    assert_eq!(found(&view, &second, all).await, all_of_them);
    view.begin_successor(first).await.expect("begun");
    view.drop_collection(&second).await.expect("dropped");
    assert_eq!(indices(first), Vec::<String>::new());
}
