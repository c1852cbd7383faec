//! The controller `index`. An index is there as long as it has a collection or was made by name.

use super::{
    Fault, KuzzleCall, Reply, collection, document::search, fault::Id, place, request::read_list,
};
use crate::access::system;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::Collection;

pub(super) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let index = call.request.index()?;
    place::checked_index(index)?;
    if place::index_exists(call, index).await? {
        return Err(Fault::new(
            Id::IndexExists,
            format!("an index named \"{index}\" already exists"),
        )
        .props(["public", index]));
    }
    remember_index(call, index).await?;
    Ok(Reply::of(
        &json!({"acknowledged": true, "shards_acknowledged": true}),
    ))
}

/// Made by name: it stays when its last collection goes.
pub(super) async fn remember_index(call: KuzzleCall<'_>, index: &str) -> Result<(), Fault> {
    call.app
        .ports
        .record
        .create_collection(&Collection::index_only(index, call.app.now()))
        .await?;
    Ok(())
}

pub(super) async fn exists(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(
        &place::index_exists(call, call.request.index()?).await?,
    ))
}

/// What is there by name, or has a collection of a client: where operations of the catalog keep
/// theirs alone is no index of anybody's.
pub(super) async fn names(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({"indexes": listed_indices(call).await?})))
}

pub(super) async fn listed_indices(call: KuzzleCall<'_>) -> Result<Vec<String>, Fault> {
    let mut names = call.app.ports.record.indices().await?;
    names.retain(|name| !system::is_index(name));
    let catalog = call.app.ports.catalog.current();
    let owned = catalog.collections();
    if !names
        .iter()
        .any(|name| owned.iter().any(|own| own.index == *name))
    {
        return Ok(names);
    }
    let collections = call.app.ports.record.collections().await?;
    for own in owned {
        let mut there = collections.iter().filter(|one| one.index == own.index);
        let only = call.app.ports.record.collection(&own.index, "").await?;
        if only.is_none() && there.all(|one| collection::is_owned(call, one)) {
            names.retain(|name| *name != own.index);
        }
    }
    Ok(names)
}

/// How much there is of each collection that `index:list` and `collection:list` name.
pub(super) async fn stats(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let view = search::search_view(call)?;
    let names = listed_indices(call).await?;
    let all = call.app.collections.list().await?;
    let shown: Vec<Collection> = all
        .into_iter()
        .filter(|one| names.contains(&one.index) && !collection::is_owned(call, one))
        .collect();
    let sizes = view.sizes(&shown).await?;
    let mut indices: BTreeMap<&str, (Vec<Value>, u64)> = names
        .iter()
        .map(|name| (name.as_str(), Default::default()))
        .collect();
    for (one, size) in shown.iter().zip(&sizes) {
        let count = view.count(one, None).await?;
        let (collections, whole) = indices.entry(&one.index).or_default();
        collections.push(json!({"name": one.collection, "documentCount": count, "size": size}));
        *whole += size;
    }
    let indices: Vec<Value> = indices
        .into_iter()
        .map(|(name, (collections, size))| {
            json!({"name": name, "size": size, "collections": collections})
        })
        .collect();
    let whole: u64 = sizes.iter().sum();
    Ok(Reply::of(&json!({"indexes": indices, "size": whole})))
}

pub(super) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let index = place::existing_index(call).await?;
    drop_all(call, &[index.to_owned()]).await?;
    Ok(Reply::of(&json!({"acknowledged": true})))
}

/// Those of the list that are there; without a list, nothing.
pub(super) async fn mdelete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let members = call.request.members()?;
    let given = members
        .get("indexes")
        .or_else(|| call.request.args.get("indexes"))
        .ok_or_else(|| Fault::missing("body.indexes"))?;
    let wanted = read_list(Some(given), "body.indexes")?;
    let mut known = call.app.ports.record.indices().await?;
    known.retain(|name| !system::is_index(name));
    let gone: Vec<String> = wanted
        .into_iter()
        .filter(|index| known.contains(index))
        .collect();
    drop_all(call, &gone).await?;
    Ok(Reply::of(&json!({"deleted": gone})))
}

/// Collections first: an index that lost its name and still has some is there. Those of operations
/// stay, and an index that has no others is refused by name.
pub(super) async fn drop_all(call: KuzzleCall<'_>, indices: &[String]) -> Result<(), Fault> {
    let record = &call.app.ports.record;
    let (owned, collections): (Vec<Collection>, Vec<Collection>) = record
        .collections()
        .await?
        .into_iter()
        .filter(|one| indices.contains(&one.index))
        .partition(|one| collection::is_owned(call, one));
    let known = listed_indices(call).await?;
    if let Some(one) = owned.iter().find(|one| !known.contains(&one.index)) {
        return collection::check_not_owned(call, one);
    }
    collection::drop_all(call, &collections).await?;
    for index in indices {
        let only = Collection::index_only(index, 0);
        record.drop_collection(index, "", &only.incarnation).await?;
    }
    Ok(())
}
