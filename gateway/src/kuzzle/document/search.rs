//! Searching, from the view. A search is what the view's port takes; members that it does not know
//! are refused by name, never ignored. Koncorde filters are translated.

use super::{
    super::{Fault, KuzzleCall, Reply, admission, fault::Id, place},
    koncorde::{self, SearchQuery},
    scroll::{self, Scroll},
    targets,
};
use crate::{
    error::{Code, Problem},
    read::refused_search,
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use std::sync::Arc;
use store::{Collection, Hit, SearchRequest, SearchResult, View, search::MEMBERS};

#[derive(Serialize)]
struct Found<'a> {
    hits: Vec<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregations: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggest: Option<&'a Value>,
    #[serde(rename = "scrollId", skip_serializing_if = "Option::is_none")]
    scroll: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_score")]
    score: Option<f64>,
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    source: Option<&'a RawValue>,
    index: &'a str,
    collection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    highlight: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner_hits: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_queries: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    sort: &'a [Value],
}

/// The view and the collection, once what `after` names is applied and searchable.
pub(crate) async fn fresh_view(
    call: KuzzleCall<'_>,
) -> Result<(Arc<dyn View>, Arc<Collection>), Fault> {
    let waited = place::wait_for_tokens(call).await?;
    let collection = place::request_collection(call).await?;
    let view = search_view(call)?;
    if waited {
        call.app
            .refreshes
            .refresh(Some(&*view), &collection)
            .await?;
    }
    Ok((view, collection))
}

pub(crate) fn search_view(call: KuzzleCall<'_>) -> Result<Arc<dyn View>, Fault> {
    let view = call.app.ports.view.clone();
    Ok(view.ok_or_else(|| Problem::new(Code::NoView, "this deployment has no view to search"))?)
}

/// The query of a body in the language that the call names.
pub(crate) fn search_query(
    call: KuzzleCall<'_>,
    query: Option<Value>,
) -> Result<SearchQuery, Fault> {
    match call.request.text("lang")? {
        None | Some("elasticsearch") => {
            let is_said =
                |query: &Value| query.as_object().is_none_or(|members| !members.is_empty());
            Ok(SearchQuery::of_view(query.filter(is_said)))
        }
        Some("koncorde") => koncorde::koncorde_query(&query.unwrap_or(Value::Null)),
        Some(_) => Err(Fault::invalid("lang", "\"elasticsearch\" or \"koncorde\"")),
    }
}

/// The search of the body, or of the argument `searchBody`.
fn requested_search(call: KuzzleCall<'_>) -> Result<Map<String, Value>, Fault> {
    match (&call.request.body, call.request.args.get("searchBody")) {
        (Some(_), _) => call.request.members(),
        (None, Some(Value::String(text))) => {
            serde_json::from_str(text).map_err(|_| Fault::wrong_type("searchBody", "object"))
        }
        (None, Some(Value::Object(body))) => Ok(body.clone()),
        (None, Some(_)) => Err(Fault::wrong_type("searchBody", "object")),
        (None, None) => Ok(Map::new()),
    }
}

/// The body as the view takes it, and its query.
pub(crate) fn search_request(call: KuzzleCall<'_>) -> Result<(SearchRequest, SearchQuery), Fault> {
    let mut body = requested_search(call)?;
    // Koncorde filters may stand without the member `query` around them.
    if call.request.text("lang")? == Some("koncorde")
        && !body.is_empty()
        && !body.keys().any(|name| MEMBERS.contains(&name.as_str()))
    {
        body = Map::from_iter([("query".to_owned(), Value::Object(body))]);
    }
    if let Some(name) = body.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(Fault::new(
            Id::Unsupported,
            format!(
                "\"{name}\" is not supported in a search; known are {}",
                MEMBERS.join(", ")
            ),
        )
        .props([name]));
    }
    let query = search_query(call, body.remove("query"))?;
    let (from, size) = (call.request.number("from")?, call.request.number("size")?);
    let bad = |error: serde_json::Error| Fault::new(Id::BadQuery, error.to_string());
    let mut request: SearchRequest = serde_json::from_value(Value::Object(body)).map_err(bad)?;
    request.from = from.unwrap_or(request.from);
    request.size = size.unwrap_or(request.size);
    let most = call.app.config.kuzzle_fetch_documents;
    if request.from.saturating_add(request.size) <= most {
        Ok((request, query))
    } else {
        Err(Fault::new(
            Id::GetLimit,
            format!(
                "`from` and `size` reach beyond the {most} documents that one search may reach"
            ),
        ))
    }
}

pub(crate) async fn search(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (mut request, query) = search_request(call)?;
    let (view, collections) = match targets::requested_targets(call)? {
        None => {
            let request = call.request;
            admission::check_collection(call, request.index()?, request.collection()?)?;
            let (view, collection) = fresh_view(call).await?;
            (view, vec![collection])
        }
        Some(targets) => targets::fresh_targets(call, &targets).await?,
    };
    let searched: Vec<&Collection> = collections.iter().map(|one| &**one).collect();
    request.query = query.settled(&*view, &searched).await?;
    match call.request.text("scroll")? {
        None => {
            let result = view.search_together(&searched, &request).await;
            let result = result.map_err(refused_search)?;
            Ok(Reply::of(&found_page(&result, &collections, None)))
        }
        Some(keep) => {
            let keep = scroll::parse_duration(keep)?;
            request.sort = Some(scroll::total_order(request.sort.take()));
            let scroll = Scroll::begin(&view, &collections, request, keep).await?;
            scroll_page(call, &view, &collections, scroll).await
        }
    }
}

/// One page of a scroll, and the cursor to the next.
pub(super) async fn scroll_page(
    call: KuzzleCall<'_>,
    view: &Arc<dyn View>,
    collections: &[Arc<Collection>],
    mut scroll: Scroll,
) -> Result<Reply, Fault> {
    let searched: Vec<&Collection> = collections.iter().map(|one| &**one).collect();
    let result = view.search_together(&searched, &scroll.request()).await;
    let result = result.map_err(|error| scroll.fault(error))?;
    let remaining = scroll.advance(&result);
    let id = scroll.id(call).await?;
    Ok(Reply::of(&found_page(
        &result,
        collections,
        Some((id, remaining)),
    )))
}

fn found_page<'a>(
    result: &'a SearchResult,
    collections: &'a [Arc<Collection>],
    scroll: Option<(String, u64)>,
) -> Found<'a> {
    let shown = |hit: &'a Hit| Shown {
        id: &hit.id,
        score: hit.score,
        source: hit.source.as_deref(),
        index: &collections[hit.collection].index,
        collection: &collections[hit.collection].collection,
        highlight: hit.highlight.as_ref(),
        fields: hit.fields.as_ref(),
        inner_hits: hit.inner_hits.as_ref(),
        matched_queries: hit.matched_queries.as_ref(),
        sort: &hit.sort,
    };
    let (scroll, remaining) = scroll.unzip();
    Found {
        hits: result.hits.iter().map(shown).collect(),
        total: result.total,
        aggregations: result.aggregations.as_ref(),
        suggest: result.suggest.as_ref(),
        scroll,
        remaining,
    }
}

pub(crate) async fn count(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let mut body = call.request.members()?;
    if let Some(name) = body.keys().find(|name| *name != "query") {
        return Err(Fault::new(
            Id::Unsupported,
            format!("\"{name}\" is not supported in a count"),
        )
        .props([name]));
    }
    let query = search_query(call, body.remove("query"))?;
    let (view, collection) = fresh_view(call).await?;
    let query = query.settled(&*view, &[&collection]).await?;
    let count = view
        .count(&collection, query.as_ref())
        .await
        .map_err(refused_search)?;
    Ok(Reply::of(&json!({"count": count})))
}
