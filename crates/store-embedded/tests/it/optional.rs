//! A page of the best of what an index finds, where a clause need not be met.

use crate::opened::open;
use serde_json::json;
use store::{ItemVerdict, SearchRequest, View as _, contract::Fixture, document::Write};

/// More than are read without an index, and than a page has.
const DOCUMENTS: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_meets_an_optional_clause_comes_first_however_late_its_id_is() {
    let opened = open().await;
    let fixture = Fixture::with_mappings(
        json!({"properties": {"type": {"type": "keyword"}, "vip": {"type": "keyword"}}}),
    );
    store::Record::create_collection(&opened.store, &fixture.collection)
        .await
        .expect("a collection");
    let write = |n: u64| {
        let vip = if n > DOCUMENTS - 3 { "yes" } else { "no" };
        fixture.put(
            &format!("d{n:05}"),
            n,
            &json!({"type": "a", "vip": vip}).to_string(),
        )
    };
    let writes: Vec<Write> = (1..=DOCUMENTS).map(write).collect();
    let verdicts = store::Record::apply(&opened.store, &writes).await;
    assert!(verdicts.iter().all(|verdict| *verdict == ItemVerdict::Done));
    let body = json!({"size": 4, "query": {"bool": {
        "filter": [{"term": {"type": "a"}}],
        "should": [{"term": {"vip": {"value": "yes"}}}],
    }}});
    let request: SearchRequest = serde_json::from_value(body).expect("a search");
    // The first makes the indexes, the second finds them.
    for _ in 0..2 {
        let result = opened.store.search(&fixture.collection, &request).await;
        let result = result.expect("an answer");
        let found: Vec<&str> = result.hits.iter().map(|hit| hit.id.as_str()).collect();
        assert_eq!(found, ["d01998", "d01999", "d02000", "d00001"]);
        assert_eq!(result.count(), DOCUMENTS);
    }
}
