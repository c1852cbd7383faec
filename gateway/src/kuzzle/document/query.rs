//! Writes of what a query finds: the ids are searched first, then each document is written like any
//! other, with a verdict of its own.

use super::{
    super::{
        Fault, KuzzleCall, Reply,
        fault::Id,
        metadata::{AuthorStamp, Info, stamped_body},
        place,
        write::{self, Then},
    },
    koncorde::SearchQuery,
    many, read, search,
};
use crate::read::refused_search;
use serde_json::{Value, json, value::RawValue};
use std::{collections::HashMap, sync::Arc};
use store::{Collection, SearchRequest, View};

/// The body's query, which must be there.
pub(crate) fn wanted_query(call: KuzzleCall<'_>) -> Result<SearchQuery, Fault> {
    let query = serde_json::from_str(call.request.member("query")?.get()).unwrap_or_default();
    match query {
        query @ Value::Object(_) => search::search_query(call, Some(query)),
        _ => Err(Fault::wrong_type("body.query", "object")),
    }
}

/// The body's changes.
pub(crate) fn body_changes(call: KuzzleCall<'_>) -> Result<&RawValue, Fault> {
    let changes = call.request.member("changes")?;
    if changes.get().starts_with('{') {
        Ok(changes)
    } else {
        Err(Fault::wrong_type("body.changes", "object"))
    }
}

/// The view, made to see everything that was answered before.
pub(crate) async fn current_view(
    call: KuzzleCall<'_>,
) -> Result<(Arc<dyn View>, Arc<Collection>), Fault> {
    place::wait_for_tokens(call).await?;
    let collection = place::request_collection(call).await?;
    let view = search::search_view(call)?;
    call.app
        .refreshes
        .refresh(Some(&*view), &collection)
        .await?;
    Ok((view, collection))
}

/// The ids that the query finds, behind `after` in the order of ids, and how many there are in all.
pub(crate) async fn found_ids(
    view: &dyn View,
    collection: &Collection,
    query: Option<&Value>,
    size: usize,
    after: Option<&str>,
) -> Result<(Vec<String>, u64), Fault> {
    let request = SearchRequest {
        query: query.cloned(),
        sort: Some(json!(["_id"])),
        from: 0,
        size,
        search_after: after.map(|id| vec![id.into()]),
        source: Some(false.into()),
        ..SearchRequest::default()
    };
    let result = view
        .search(collection, &request)
        .await
        .map_err(refused_search)?;
    let total = result.count();
    Ok((result.hits.into_iter().map(|hit| hit.id).collect(), total))
}

/// The ids of as many documents as one call may write; more are refused.
async fn few_ids(call: KuzzleCall<'_>) -> Result<Vec<String>, Fault> {
    let query = wanted_query(call)?;
    let (view, collection) = current_view(call).await?;
    let query = query.settled(&*view, &[&collection]).await?;
    let most = call.app.config.kuzzle_write_documents;
    let (ids, total) = found_ids(&*view, &collection, query.as_ref(), most, None).await?;
    many::check_count(total as usize, most)?;
    Ok(ids)
}

pub(crate) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let info = Info::Updated.json(AuthorStamp::of(call));
    let changes = stamped_body(body_changes(call)?, &info)?;
    let ids = few_ids(call).await?;
    let silent = call.request.flag("silent")?;
    let (done, token) = many::update_all(call, &ids, &changes, silent, Then::EndTurn).await?;
    let sources = if call.request.flag("source")? {
        read_sources(call, &ids).await?
    } else {
        HashMap::new()
    };
    let (mut successes, mut errors) = (Vec::new(), Vec::new());
    for (id, item) in done {
        match item {
            Ok(written) => {
                let mut shown = json!({"_id": id, "_version": written.version, "status": 200});
                if let Some(source) = sources.get(&id) {
                    shown["_source"] = source.clone();
                }
                successes.push(shown);
            }
            Err(fault) => {
                errors.push(json!({"_id": id, "reason": fault.message(), "status": fault.status()}))
            }
        }
    }
    if errors.is_empty() {
        Ok(write::write_reply(
            &json!({"successes": successes, "errors": errors}),
            token,
        ))
    } else {
        let message = format!(
            "{} documents were changed, and {} were not",
            successes.len(),
            errors.len()
        );
        Err(Fault::new(Id::IncompleteUpdate, message)
            .errors(errors)
            .about(None, token))
    }
}

async fn read_sources(
    call: KuzzleCall<'_>,
    ids: &[String],
) -> Result<HashMap<String, Value>, Fault> {
    let collection = place::request_collection(call).await?;
    let keys = ids
        .iter()
        .map(|id| place::document_key(&collection, id))
        .collect::<Result<Vec<_>, _>>()?;
    let found = read::read_documents(call, &keys).await?;
    let parsed = |found: Option<(event_schema::Raw, u64)>| {
        found.and_then(|(source, _)| serde_json::from_str(source.get()).ok())
    };
    Ok(ids
        .iter()
        .cloned()
        .zip(found)
        .filter_map(|(id, found)| Some((id, parsed(found)?)))
        .collect())
}

pub(crate) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ids = few_ids(call).await?;
    let before = if call.request.flag("source")? {
        read_sources(call, &ids).await?
    } else {
        HashMap::new()
    };
    let silent = call.request.flag("silent")?;
    let (gone, _, token) = many::delete_all(call, &ids, silent, Then::EndTurn).await?;
    let shown = |id: &String| match before.get(id) {
        Some(source) => json!({"_id": id, "_source": source}),
        None => json!({"_id": id}),
    };
    let documents: Vec<Value> = gone.iter().map(shown).collect();
    Ok(write::write_reply(
        &json!({"documents": documents, "ids": gone}),
        token,
    ))
}
