//! The collection that a request names: there or not, by the names of this family, and what its
//! reads wait for.

use super::{Fault, KuzzleCall, fault::Id};
use crate::{
    error::Code,
    request::path::{check_id, check_index, check_name},
};
use event_schema::mutation::DocumentKey;
use std::sync::Arc;
use store::Collection;

/// The collection of the request.
pub(super) async fn request_collection(call: KuzzleCall<'_>) -> Result<Arc<Collection>, Fault> {
    find_collection(call, call.request.index()?, call.request.collection()?).await
}

pub(super) async fn find_collection(
    call: KuzzleCall<'_>,
    index: &str,
    name: &str,
) -> Result<Arc<Collection>, Fault> {
    match call.app.collections.get(index, name).await {
        Ok(collection) => Ok(collection),
        Err(problem) if problem.code() == Code::UnknownCollection => {
            if index.contains([',', '*']) || name.contains([',', '*']) {
                return Err(Fault::new(Id::ManyTargets, "one call reads one collection"));
            }
            Err(unknown_place(
                index,
                Some(name),
                index_exists(call, index).await?,
            ))
        }
        Err(problem) => Err(problem.into()),
    }
}

fn unknown_place(index: &str, name: Option<&str>, index_exists: bool) -> Fault {
    match name {
        Some(name) if index_exists => Fault::new(
            Id::UnknownCollection,
            format!("the collection \"{index}\":\"{name}\" does not exist"),
        )
        .props([index, name]),
        Some(_) | None => Fault::new(
            Id::UnknownIndex,
            format!("the index \"{index}\" does not exist"),
        )
        .props([index]),
    }
}

/// The index must be there.
pub(super) async fn existing_index(call: KuzzleCall<'_>) -> Result<&str, Fault> {
    let index = call.request.index()?;
    if index_exists(call, index).await? {
        Ok(index)
    } else {
        Err(unknown_place(index, None, false))
    }
}

pub(super) async fn index_exists(call: KuzzleCall<'_>, index: &str) -> Result<bool, Fault> {
    Ok(call
        .app
        .ports
        .record
        .indices()
        .await?
        .iter()
        .any(|known| known == index))
}

/// Names that may be made.
pub(super) fn checked_index(index: &str) -> Result<(), Fault> {
    let bad = |_| {
        Fault::new(
            Id::BadIndexName,
            format!("the index name \"{index}\" is invalid"),
        )
        .props([index])
    };
    check_index(index).map_err(bad)
}

pub(super) fn checked_collection(name: &str) -> Result<(), Fault> {
    let bad = |_| {
        Fault::new(
            Id::BadCollectionName,
            format!("the collection name \"{name}\" is invalid"),
        )
        .props([name])
    };
    check_name("collection", name).map_err(bad)
}

/// A document of the collection.
pub(super) fn document_key(collection: &Collection, id: &str) -> Result<DocumentKey, Fault> {
    check_id(id).map_err(|problem| Fault::invalid("_id", problem.detail()))?;
    Ok(DocumentKey {
        index: collection.index.clone(),
        collection: collection.collection.clone(),
        incarnation: collection.incarnation.clone(),
        id: id.to_owned(),
    })
}

/// Waits for what `after` names. True if there was anything.
pub(super) async fn wait_for_tokens(call: KuzzleCall<'_>) -> Result<bool, Fault> {
    let tokens = call.request.list("after")?;
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    Ok(crate::lookup::after::wait_for(
        call.app,
        &call.request.caller,
        &tokens,
        call.app.config.after_wait(),
    )
    .await?)
}
