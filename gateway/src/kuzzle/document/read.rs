//! Reads by id, from the record, once what `after` names is applied.

use super::{
    super::{
        Fault, KuzzleCall, Reply,
        fault::Id,
        place,
        request::{number_text, read_list},
    },
    DocumentShown,
};
use event_schema::{Raw, mutation::DocumentKey};
use serde::Serialize;
use serde_json::{Value, json};

/// Documents that are read at once: bounds what one answer may hold beyond its limit.
const STEP: usize = 32;

pub(crate) async fn get(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (source, version) = existing_document(call).await?;
    Ok(Reply::of(&DocumentShown {
        id: call.request.id()?,
        source: Some(&source),
        version,
        created: None,
    }))
}

pub(crate) async fn exists(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&find_document(call).await?.is_some()))
}

/// The document of the request, or a 404.
pub(super) async fn existing_document(call: KuzzleCall<'_>) -> Result<(Raw, u64), Fault> {
    let found = find_document(call).await?;
    found.ok_or_else(|| {
        let request = call.request;
        let [index, collection, id] = [&request.index, &request.collection, &request.id]
            .map(|name| name.as_deref().unwrap_or_default());
        Fault::new(
            Id::NotFound,
            format!("there is no document \"{id}\" in \"{index}\":\"{collection}\""),
        )
        .props([id, index, collection])
    })
}

async fn find_document(call: KuzzleCall<'_>) -> Result<Option<(Raw, u64)>, Fault> {
    let id = call.request.id()?;
    place::wait_for_tokens(call).await?;
    let collection = place::request_collection(call).await?;
    Ok(
        read_documents(call, &[place::document_key(&collection, id)?])
            .await?
            .into_iter()
            .next()
            .flatten(),
    )
}

/// Bodies and versions, one answer per key in order.
pub(crate) async fn read_documents(
    call: KuzzleCall<'_>,
    keys: &[DocumentKey],
) -> Result<Vec<Option<(Raw, u64)>>, Fault> {
    // What is read is shown, or judged by, without another look.
    call.request.caller.require_look()?;
    let (mut found, mut bytes) = (Vec::with_capacity(keys.len()), 0);
    for keys in keys.chunks(STEP) {
        let stored = call.app.ports.record.documents(keys).await?;
        for (key, stored) in keys.iter().zip(stored) {
            let mut body = stored.and_then(|stored| Some((stored.body?, stored.meta.revision)));
            if let Some((body, _)) = &mut body {
                let sealed = &call.app.sealed;
                let shown = sealed.document(&key.index, &key.collection, body.clone());
                *body = shown.await?;
            }
            bytes += body.as_ref().map_or(0, |(body, _)| body.get().len());
            found.push(body);
        }
        if bytes > call.app.config.answer_limit_bytes {
            return Err(Fault::new(
                Id::GetLimit,
                format!(
                    "the documents are more than {} bytes together",
                    call.app.config.answer_limit_bytes
                ),
            ));
        }
    }
    Ok(found)
}

/// The ids of the body or of the arguments, numbers as their texts. What no document can have for
/// an id stands there as it was sent: the others are not refused with it.
pub(super) fn requested_ids(call: KuzzleCall<'_>) -> Result<Vec<Value>, Fault> {
    let mut members = call.request.members()?;
    let given = members.remove("ids");
    let given = given.or_else(|| call.request.args.get("ids").cloned());
    match given.ok_or_else(|| Fault::missing("body.ids"))? {
        Value::Array(ids) => Ok(ids.into_iter().map(number_as_text).collect()),
        text => {
            let ids = read_list(Some(&text), "body.ids")?;
            Ok(ids.into_iter().map(Value::from).collect())
        }
    }
}

fn number_as_text(id: Value) -> Value {
    match id {
        Value::Number(number) => number_text(&number).into(),
        other => other,
    }
}

#[derive(Serialize)]
struct ManyIds<'a> {
    successes: Vec<DocumentShown<'a>>,
    errors: Vec<&'a Value>,
}

pub(crate) async fn mget(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ids = requested_ids(call)?;
    let found = read_all(call, &ids).await?;
    let both = || ids.iter().zip(&found);
    let successes = both()
        .filter_map(|(id, found)| {
            found.as_ref().map(|(source, version)| DocumentShown {
                id: id.as_str().unwrap_or_default(),
                source: Some(source),
                version: *version,
                created: None,
            })
        })
        .collect();
    let errors: Vec<&Value> = both()
        .filter(|(_, found)| found.is_none())
        .map(|(id, _)| id)
        .collect();
    refuse_part(call, &errors)?;
    Ok(Reply::of(&ManyIds { successes, errors }))
}

pub(crate) async fn mexists(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ids = requested_ids(call)?;
    let found = read_all(call, &ids).await?;
    let (there, gone): (Vec<_>, Vec<_>) = ids
        .iter()
        .zip(&found)
        .partition(|(_, found)| found.is_some());
    let names = |list: Vec<(&'_ Value, &Option<_>)>| {
        let names = list.into_iter().map(|(id, _)| id.clone());
        names.collect::<Vec<_>>()
    };
    let errors = names(gone);
    refuse_part(call, &errors.iter().collect::<Vec<_>>())?;
    Ok(Reply::of(
        &json!({"successes": names(there), "errors": errors}),
    ))
}

async fn read_all(call: KuzzleCall<'_>, ids: &[Value]) -> Result<Vec<Option<(Raw, u64)>>, Fault> {
    let most = call.app.config.kuzzle_fetch_documents;
    if ids.len() > most {
        return Err(Fault::new(
            Id::GetLimit,
            format!(
                "{} ids are more than the {most} that one call may name",
                ids.len()
            ),
        ));
    }
    place::wait_for_tokens(call).await?;
    let collection = place::request_collection(call).await?;
    let key = |id: &Value| place::document_key(&collection, id.as_str()?).ok();
    let keys: Vec<Option<DocumentKey>> = ids.iter().map(key).collect();
    let usable: Vec<DocumentKey> = keys.iter().flatten().cloned().collect();
    let mut found = read_documents(call, &usable).await?.into_iter();
    let of = |key: Option<DocumentKey>| key.and_then(|_| found.next().flatten());
    Ok(keys.into_iter().map(of).collect())
}

/// `strict`: a part is not enough.
fn refuse_part(call: KuzzleCall<'_>, missing: &[&Value]) -> Result<(), Fault> {
    if call.request.flag("strict")? && !missing.is_empty() {
        let errors = missing
            .iter()
            .map(|id| json!({"_id": id, "reason": "document not found", "status": 404}))
            .collect();
        Err(Fault::new(Id::Incomplete, "not all documents are there").errors(errors))
    } else {
        Ok(())
    }
}
