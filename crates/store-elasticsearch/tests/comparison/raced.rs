//! Writers and searchers of the embedded default at once, while indexes are made: what was answered
//! is found, and what a search finds is one moment of the collection. Needs no server.

use super::indexed::open;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::{SearchRequest, SearchResult, View, contract::Fixture};
use store_embedded::EmbeddedStore;

/// Documents come in pairs that are written together and hold the same.
const PAIRS: u64 = 300;
const ROUNDS: u64 = 1_500;

struct RacedStore {
    store: EmbeddedStore,
    f: Fixture,
    /// The last round that was answered.
    answered: AtomicU64,
    is_over: AtomicBool,
}

impl RacedStore {
    async fn write(&self, round: u64) {
        let n = (round * 7) % PAIRS;
        let body = json!({
            "round": round, "group": format!("g{}", round % 5), "text": format!("word{round} all"),
            "late": {format!("f{}", round % 20): round},
        });
        // Every second pair is written under ids that come between the others.
        let name = if n.is_multiple_of(2) {
            format!("{n:05}")
        } else {
            format!("{:05}x", PAIRS - n)
        };
        let writes = ["a", "b"].map(|side| {
            let id = format!("{name}{side}");
            match round % 9 {
                8 => self.f.delete(&id, round),
                _ => self.f.put(&id, round, &body.to_string()),
            }
        });
        let applied = self.store.apply_all(writes.to_vec(), &[], None).await;
        store::contract::answers::all_done(&applied.writes, 2);
        self.answered.store(round, Ordering::Release);
    }

    async fn search(&self, body: Value) -> SearchResult {
        let request: SearchRequest = serde_json::from_value(body).expect("a search");
        self.store
            .search(&self.f.collection, &request)
            .await
            .expect("an answer")
    }

    async fn total(&self, query: Value) -> u64 {
        self.search(json!({"query": query, "size": 0}))
            .await
            .total
            .expect("a total")
    }

    /// Both of a pair are there, or none is; and what was answered is there.
    async fn look(&self, n: u64) {
        let before = self.answered.load(Ordering::Acquire);
        let newest = self.total(json!({"term": {"round": before}})).await;
        let is_kept = before % 9 != 8 && self.answered.load(Ordering::Acquire) < before + PAIRS - 2;
        assert!(
            !is_kept || newest == 2,
            "round {before} is answered and found {newest} times"
        );
        for query in [
            json!({"range": {"round": {"gte": before.saturating_sub(n % 50)}}}),
            json!({"match": {"text": "all"}}),
            json!({"term": {"group": format!("g{}", n % 5)}}),
            json!({"exists": {"field": format!("late.f{}", n % 20)}}),
            json!({"range": {format!("late.f{}", n % 20): {"lte": before}}}),
        ] {
            let sorted = json!({"query": query, "size": 7, "sort": [{"round": "desc"}, {"_id": "asc"}],
                "aggs": {"by": {"terms": {"field": "group"}}}});
            let found = self.search(sorted).await;
            let total = found.total.expect("a total");
            assert_eq!(total % 2, 0, "{query}: half of a pair");
            assert_eq!(found.hits.len() as u64, total.min(7), "{query}");
            let rounds: Vec<u64> = found
                .hits
                .iter()
                .map(|hit| hit.sort[0].as_u64().expect("a round"))
                .collect();
            assert!(rounds.is_sorted_by(|a, b| a >= b), "{rounds:?}");
            let whole = &rounds[..rounds.len() / 2 * 2];
            assert!(whole.chunks(2).all(|pair| pair[0] == pair[1]), "{rounds:?}");
            let by = found.aggregations.expect("counts");
            let counted: u64 = by["by"]["buckets"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|bucket| bucket["doc_count"].as_u64())
                .sum();
            assert_eq!(counted, total, "{query}: {by}");
        }
    }

    async fn searching(&self, first: u64) {
        let mut n = first;
        while !self.is_over.load(Ordering::Acquire) {
            self.look(n).await;
            n += 3;
        }
    }

    async fn writing(&self) {
        for round in PAIRS + 1..=ROUNDS {
            self.write(round).await;
        }
        self.is_over.store(true, Ordering::Release);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_and_searchers_agree_while_indexes_are_made() {
    let (store, _folder) = open(64 * 1024 * 1024).await;
    let mut f = Fixture::with_mappings(json!({"properties": {
        "round": {"type": "long"}, "group": {"type": "keyword"}, "text": {"type": "text"},
    }}));
    f.collection.settings = None;
    let created = View::create_collection(&store, &f.collection).await;
    created.expect("a collection");
    let raced = RacedStore {
        store,
        f,
        answered: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    for round in 1..=PAIRS {
        raced.write(round).await;
    }
    tokio::join!(raced.writing(), raced.searching(0), raced.searching(1));
    let figures = raced.store.index_figures();
    assert!(figures.built >= 20, "{figures:?}");
    for n in 0..20 {
        raced.look(n).await;
    }
}
