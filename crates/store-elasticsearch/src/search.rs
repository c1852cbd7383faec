//! Searches and counts: what is asked is checked against a list and sent with the names of our own
//! member in it, and what comes back is shown without them. Markers are left out of everything.

mod allow;
mod answer;
mod asked;

use crate::{
    STORE, classify,
    client::{Answer, Client},
    read::{check_shards, collection_alias, damaged_error, json_body},
};
use elasticsearch::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Collection, SearchRequest, SearchResult, Snapshot, StoreError};

/// Searches the collections, which are at least one.
pub(crate) async fn search_collections(
    client: &Client,
    collections: &[&Collection],
    request: &SearchRequest,
) -> Result<SearchResult, StoreError> {
    allow::allow_search(request)?;
    request.check_page()?;
    let body = asked::search_body(request);
    let aliases = alias_path(client, collections)?;
    let path = if request.snapshot.is_some() {
        "_search?allow_partial_search_results=false".to_owned()
    } else {
        format!("{aliases}/_search?allow_partial_search_results=false")
    };
    let answer = client.ask(Method::Post, &path, json_body(&body)).await?;
    if answer.status != 200 {
        let refused = refusal(&answer, request);
        if let StoreError::BadSearch { message, .. } = &refused
            && request.search_after.is_some()
            && is_taken_from_the_start(client, &path, request).await?
        {
            return Err(StoreError::BadSearch {
                message: format!("`search_after` is refused: {message}"),
                pointer: "/search_after".to_owned(),
            });
        }
        return Err(refused);
    }
    let indices = match collections {
        [_] => Vec::new(),
        _ => index_places(client, collections).await?,
    };
    answer::read_result(&answer.body, collections, &indices, request)
}

fn refusal(answer: &Answer, request: &SearchRequest) -> StoreError {
    let only_a_query = SearchRequest {
        query: request.query.clone(),
        from: request.from,
        size: request.size,
        ..SearchRequest::default()
    };
    let is_of_query = request.query.is_some() && *request == only_a_query;
    let pointer = if is_of_query { "/query" } else { "" };
    let bad = |message| StoreError::BadSearch {
        message,
        pointer: pointer.to_owned(),
    };
    match (answer.status, &request.snapshot) {
        // Its time is over, or a node that held a part of it is gone.
        (404, Some(_)) => bad("the snapshot is gone".to_owned()),
        _ => classify::request_failure(answer.status, &answer.body, bad),
    }
}

/// Is a search that was refused taken without its `search_after`? What a field that is not mapped
/// reads only the index can tell.
async fn is_taken_from_the_start(
    client: &Client,
    path: &str,
    request: &SearchRequest,
) -> Result<bool, StoreError> {
    let first = SearchRequest {
        search_after: None,
        size: 0,
        ..request.clone()
    };
    let body = json_body(&asked::search_body(&first));
    let answer = client.ask(Method::Post, path, body).await?;
    Ok(answer.status == 200)
}

/// The aliases in one path. A request line has an end, which so many names do not reach.
fn alias_path(client: &Client, collections: &[&Collection]) -> Result<String, StoreError> {
    const MOST: usize = 3_000;
    let all: Result<Vec<String>, StoreError> = collections
        .iter()
        .map(|collection| collection_alias(client, collection))
        .collect();
    let path = all?.join(",");
    if path.len() > MOST {
        return Err(StoreError::BadSearch {
            message: "too many collections for one search".to_owned(),
            pointer: String::new(),
        });
    }
    Ok(path)
}

/// The indices behind each collection's alias: hits name these.
async fn index_places(
    client: &Client,
    collections: &[&Collection],
) -> Result<Vec<(String, usize)>, StoreError> {
    let path = format!("_alias/{}", alias_path(client, collections)?);
    let answer = client.ask(Method::Get, &path, None).await?;
    classify::expect_success(&answer)?;
    let known: Value = serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    let mut places = Vec::new();
    for (place, collection) in collections.iter().enumerate() {
        let alias = collection_alias(client, collection)?;
        let indices = known.as_object().into_iter().flatten();
        let behind = indices.filter(|(_, index)| index["aliases"].get(&alias).is_some());
        places.extend(behind.map(|(index, _)| (index.clone(), place)));
    }
    Ok(places)
}

pub(crate) async fn take_snapshot(
    client: &Client,
    collections: &[&Collection],
    keep: i64,
) -> Result<Snapshot, StoreError> {
    #[derive(Deserialize)]
    struct OpenedSnapshot {
        id: String,
    }
    let path = format!(
        "{}/_pit?keep_alive={keep}ms",
        alias_path(client, collections)?
    );
    let answer = client.ask(Method::Post, &path, None).await?;
    classify::expect_success(&answer)?;
    let OpenedSnapshot { id } = serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    Ok(Snapshot { id, keep })
}

pub(crate) async fn count_documents(
    client: &Client,
    collection: &Collection,
    query: Option<&Value>,
) -> Result<u64, StoreError> {
    #[derive(Deserialize)]
    struct CountAnswer {
        count: u64,
    }
    if let Some(query) = query {
        allow::allow_query(query, "/query")?;
    }
    let path = format!("{}/_count", collection_alias(client, collection)?);
    let answer = client
        .ask(
            Method::Post,
            &path,
            json_body(&json!({"query": asked::living_query(query)})),
        )
        .await?;
    if answer.status != 200 {
        let bad = |message| StoreError::BadSearch {
            message,
            pointer: "/query".to_owned(),
        };
        return Err(classify::request_failure(answer.status, &answer.body, bad));
    }
    check_shards(&answer.body)?;
    serde_json::from_slice::<CountAnswer>(&answer.body)
        .map(|answer| answer.count)
        .map_err(damaged_error)
}

fn unavailable_error(why: &str) -> StoreError {
    StoreError::Unavailable {
        store: STORE,
        why: why.to_owned(),
    }
}
