//! Everything that an index holds, a page at a time, in the order of its shards: for comparing, not
//! for serving. It reads from a snapshot, which is given back with the last page; one that is left
//! in the middle goes by itself.

use crate::{
    classify,
    client::Client,
    read::{self, damaged_error, json_body},
    search,
};
use elasticsearch::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Collection, StoreError};

/// Between two pages.
const KEEP_MS: i64 = 120_000;

/// Where a scan goes on.
#[derive(Serialize, Deserialize)]
struct ScanPage {
    snapshot: String,
    after: Vec<Value>,
}

#[derive(Deserialize)]
struct ScanAnswer {
    pit_id: String,
    hits: ScanHits,
}

#[derive(Deserialize)]
struct ScanHits {
    hits: Vec<ScanHit>,
}

#[derive(Deserialize)]
struct ScanHit {
    _id: String,
    sort: Vec<Value>,
}

pub(crate) async fn scan_ids(
    client: &Client,
    collection: &Collection,
    page: Option<&str>,
    limit: usize,
) -> Result<(Vec<String>, Option<String>), StoreError> {
    let ScanPage { snapshot, after } = match page {
        Some(page) => serde_json::from_str(page).map_err(damaged_error)?,
        None => {
            read::refresh_collections(client, std::slice::from_ref(collection)).await?;
            let taken = search::take_snapshot(client, &[collection], KEEP_MS).await?;
            ScanPage {
                snapshot: taken.id,
                after: Vec::new(),
            }
        }
    };
    let mut body = json!({
        "size": limit,
        "query": {"bool": {"must_not": {"term": {"_consign.deleted": true}}}},
        "sort": ["_shard_doc"],
        "_source": false,
        "track_total_hits": false,
        "pit": {"id": snapshot, "keep_alive": format!("{KEEP_MS}ms")},
    });
    if !after.is_empty() {
        body["search_after"] = after.into();
    }
    let path = "_search?allow_partial_search_results=false";
    let answer = client.ask(Method::Post, path, json_body(&body)).await?;
    if answer.status != 200 {
        return Err(classify::request_failure(
            answer.status,
            &answer.body,
            classify::refused_error,
        ));
    }
    let answer: ScanAnswer = serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    let hits = answer.hits.hits;
    let next = hits.last().filter(|_| hits.len() == limit).map(|last| {
        let page = ScanPage {
            snapshot: answer.pit_id.clone(),
            after: last.sort.clone(),
        };
        serde_json::to_string(&page).expect("a page is plain JSON")
    });
    if next.is_none() {
        let body = json!({"id": answer.pit_id});
        // It would go by itself.
        _ = client.ask(Method::Delete, "_pit", json_body(&body)).await;
    }
    let ids = hits.into_iter().map(|hit| hit._id).collect();
    Ok((ids, next))
}
