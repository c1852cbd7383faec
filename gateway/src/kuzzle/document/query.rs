//! Writes of what a query finds: the ids are searched first, then each document is written like any
//! other, with a verdict of its own.

use super::{
    super::{
        Fault, KuzzleCall, Reply,
        fault::Id,
        metadata::{AuthorStamp, Info, stamped},
        place,
        write::{self, Then},
    },
    koncorde::SearchQuery,
    many, read, search, text,
};
use crate::routes::documents::search::refused;
use serde_json::{Value, json, value::RawValue};
use std::{collections::HashMap, sync::Arc};
use store::{Collection, SearchRequest, View};

/// The body's query, which must be there.
pub(crate) fn wanted(call: KuzzleCall<'_>) -> Result<SearchQuery, Fault> {
    let query = serde_json::from_str(call.request.member("query")?.get()).unwrap_or_default();
    match query {
        query @ Value::Object(_) => search::query(call, Some(query)),
        _ => Err(Fault::wrong_type("body.query", "object")),
    }
}

/// The body's changes.
pub(crate) fn changes(call: KuzzleCall<'_>) -> Result<&RawValue, Fault> {
    let changes = call.request.member("changes")?;
    match changes.get().starts_with('{') {
        true => Ok(changes),
        false => Err(Fault::wrong_type("body.changes", "object")),
    }
}

/// The view, made to see everything that was answered before.
pub(crate) async fn current(
    call: KuzzleCall<'_>,
) -> Result<(Arc<dyn View>, Arc<Collection>), Fault> {
    place::after(call).await?;
    let collection = place::collection(call).await?;
    let view = search::view(call)?;
    call.app
        .refreshes
        .refresh(Some(&*view), &collection)
        .await?;
    Ok((view, collection))
}

/// The ids that the query finds, behind `after` in the order of ids, and how many there are in all.
pub(crate) async fn ids(
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
    let result = view.search(collection, &request).await.map_err(refused)?;
    let total = result.count();
    Ok((result.hits.into_iter().map(|hit| hit.id).collect(), total))
}

/// The ids of as many documents as one call may write; more are refused.
async fn few(call: KuzzleCall<'_>) -> Result<Vec<String>, Fault> {
    let query = wanted(call)?;
    let (view, collection) = current(call).await?;
    let query = query.settled(&*view, &[&collection]).await?;
    let most = call.app.config.kuzzle_write_documents;
    let (ids, total) = ids(&*view, &collection, query.as_ref(), most, None).await?;
    many::within(total as usize, most)?;
    Ok(ids)
}

pub(crate) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let changes = text(stamped(
        changes(call)?,
        &Info::Updated.json(AuthorStamp::of(call)),
    )?)?;
    let ids = few(call).await?;
    let silent = call.request.flag("silent")?;
    let (done, token) = many::update_all(call, &ids, &changes, silent, Then::EndTurn).await?;
    let sources = match call.request.flag("source")? {
        true => sources(call, &ids).await?,
        false => HashMap::new(),
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
    match errors.is_empty() {
        true => Ok(write::reply(
            &json!({"successes": successes, "errors": errors}),
            token,
        )),
        false => {
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
}

async fn sources(call: KuzzleCall<'_>, ids: &[String]) -> Result<HashMap<String, Value>, Fault> {
    let collection = place::collection(call).await?;
    let keys = ids
        .iter()
        .map(|id| place::key(&collection, id))
        .collect::<Result<Vec<_>, _>>()?;
    let found = read::documents(call, &keys).await?;
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
    let ids = few(call).await?;
    let before = match call.request.flag("source")? {
        true => sources(call, &ids).await?,
        false => HashMap::new(),
    };
    let silent = call.request.flag("silent")?;
    let (gone, _, token) = many::delete_all(call, &ids, silent, Then::EndTurn).await?;
    let shown = |id: &String| match before.get(id) {
        Some(source) => json!({"_id": id, "_source": source}),
        None => json!({"_id": id}),
    };
    let documents: Vec<Value> = gone.iter().map(shown).collect();
    Ok(write::reply(
        &json!({"documents": documents, "ids": gone}),
        token,
    ))
}
