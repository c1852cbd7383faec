//! Searches over users and keys. What must hold whatever the client asks for is added as a filter.

use super::super::{
    Fault, KuzzleCall,
    document::{koncorde::SearchQuery, search},
    fault::Id,
};
use crate::read::refused_search;
use serde_json::{Value, json};
use store::SearchRequest;

/// Members of a search that show more than the hits: not for system collections.
const REFUSED: [&str; 2] = ["aggs", "aggregations"];

pub(super) struct FoundSource {
    pub id: String,
    pub source: Value,
}

/// Hits and how many there are in all.
pub(super) async fn run_search(
    call: KuzzleCall<'_>,
    collection: &str,
    (mut request, query): (SearchRequest, Option<SearchQuery>),
    must: Option<Value>,
) -> Result<(Vec<FoundSource>, u64), Fault> {
    let view = search::search_view(call)?;
    let Some(known) = call.app.collections.system(collection).await? else {
        return Ok((Vec::new(), 0));
    };
    if let Some(query) = query {
        request.query = query.settled(&*view, &[&known]).await?;
    }
    if let Some(must) = must {
        let query = request
            .query
            .take()
            .unwrap_or_else(|| json!({"match_all": {}}));
        request.query = Some(json!({"bool": {"must": [query], "filter": [must]}}));
    }
    let found = view
        .search(&known, &request)
        .await
        .map_err(refused_search)?;
    let total = found.count();
    let hits = found.hits.into_iter().map(|hit| {
        let source = hit
            .source
            .as_ref()
            .map(|source| serde_json::from_str(source.get()));
        let source = source.transpose();
        let source = source.map_err(|error| Fault::new(Id::Unexpected, error.to_string()))?;
        Ok(FoundSource {
            id: hit.id,
            source: source.unwrap_or_default(),
        })
    });
    Ok((hits.collect::<Result<_, Fault>>()?, total))
}

/// The body as a search.
pub(super) fn of_body(call: KuzzleCall<'_>) -> Result<(SearchRequest, Option<SearchQuery>), Fault> {
    let body = call.request.members()?;
    if let Some(name) = REFUSED.iter().find(|name| body.contains_key(**name)) {
        let why = format!("\"{name}\" is not supported in a search over users or keys");
        return Err(Fault::new(Id::Unsupported, why).props([name]));
    }
    let (request, query) = search::search_request(call)?;
    Ok((request, Some(query)))
}

/// The body as the query of a search.
pub(super) fn of_query(
    call: KuzzleCall<'_>,
) -> Result<(SearchRequest, Option<SearchQuery>), Fault> {
    let body = call.request.members()?;
    let query = (!body.is_empty()).then_some(Value::Object(body));
    let (from, size) = (call.request.number("from")?, call.request.number("size")?);
    let (from, size) = (from.unwrap_or(0), size.unwrap_or(10));
    if from.saturating_add(size) > call.app.config.kuzzle_fetch_documents {
        return Err(Fault::new(Id::GetLimit, "`from` and `size` reach too far"));
    }
    let request = SearchRequest {
        from,
        size,
        ..SearchRequest::default()
    };
    Ok((request, Some(search::search_query(call, query)?)))
}
