//! The controller `collection`. A collection that is dropped or emptied gets a new incarnation, or
//! none: what was accepted for the old one and is not applied yet is refused *missing*.

use super::{Call, Fault, Reply, document::search, fault::Id, index, metadata, place};
use crate::routes::collections::{create::incarnation, mappings};
use serde_json::{Map, Value, json};
use std::time::Duration;
use store::{Collection, StoreError};

/// Workers may know a collection this long after it was dropped: see `write-worker`. Until then an
/// answer would promise too much.
const GRACE: Duration = Duration::from_millis(300);

/// What of a mapping stands beside the fields.
const MAPPING: [&str; 7] = [
    "properties",
    "dynamic",
    "dynamic_templates",
    "date_detection",
    "numeric_detection",
    "dynamic_date_formats",
    "_meta",
];

/// Mappings and settings.
type Asked = (Option<Map<String, Value>>, Option<Value>);

/// Of the body. The mappings may also stand there by themselves, as older clients send them.
fn asked(call: Call<'_>) -> Result<Asked, Fault> {
    let mut body = call.request.members()?;
    let settings = body
        .remove("settings")
        .filter(|settings| !settings.is_null());
    if settings
        .as_ref()
        .is_some_and(|settings| !settings.is_object())
    {
        return Err(Fault::wrong_type("body.settings", "object"));
    }
    let given = match body.remove("mappings") {
        Some(Value::Object(mappings)) => Some(mappings),
        Some(Value::Null) => None,
        Some(_) => return Err(Fault::wrong_type("body.mappings", "object")),
        None if body.keys().any(|name| MAPPING.contains(&name.as_str())) => Some(body),
        None => None,
    };
    if let Some(given) = &given {
        mappings::check(&Value::Object(given.clone()))?;
    }
    Ok((given, settings))
}

/// With the fields of `_kuzzle_info`, and fields that are not named left out of searches, unless it
/// says otherwise.
fn common(mut given: Map<String, Value>) -> Value {
    let info = json!({"properties": {
        "author": {"type": "keyword"}, "createdAt": {"type": "date"}, "updater": {"type": "keyword"}, "updatedAt": {"type": "date"},
    }});
    given.entry("dynamic").or_insert_with(|| "false".into());
    if let Value::Object(properties) = given.entry("properties").or_insert_with(|| json!({})) {
        properties.insert(metadata::MEMBER.to_owned(), info);
    }
    Value::Object(given)
}

pub(super) async fn create(call: Call<'_>) -> Result<Reply, Fault> {
    let index = place::index(call).await?;
    let name = call.request.collection()?;
    place::checked_index(index)?;
    place::checked_collection(name)?;
    let (given, settings) = asked(call)?;
    let wanted = Collection {
        index: index.to_owned(),
        collection: name.to_owned(),
        incarnation: incarnation(),
        mappings: Some(common(given.clone().unwrap_or_default())),
        settings,
        created: call.app.now(),
    };
    let stands = call.app.ports.record.create_collection(&wanted).await?;
    if let Some(view) = &call.app.ports.view {
        view.create_collection(&stands).await.map_err(unmappable)?;
    }
    call.app.collections.put(stands.clone());
    if let Some(given) = given.filter(|_| stands.incarnation != wanted.incarnation) {
        remap(call, &stands, given).await?;
    }
    Ok(Reply::of(&json!({"acknowledged": true})))
}

fn unmappable(error: StoreError) -> Fault {
    match error {
        StoreError::Refused { .. } => Fault::new(Id::InvalidMapping, error.to_string()),
        other => other.into(),
    }
}

pub(super) async fn update(call: Call<'_>) -> Result<Reply, Fault> {
    let (given, settings) = asked(call)?;
    if settings.is_some_and(|settings| {
        settings
            .as_object()
            .is_some_and(|settings| !settings.is_empty())
    }) {
        return Err(Fault::new(
            Id::Unsupported,
            "settings are given when a collection is made and cannot be changed here",
        ));
    }
    let collection = standing(call).await?;
    if let Some(given) = given {
        remap(call, &collection, given).await?;
    }
    Ok(Reply::nothing())
}

/// The mapping as it is afterwards, as `updateMapping` answers it.
pub(super) async fn update_mapping(call: Call<'_>) -> Result<Reply, Fault> {
    update(call).await?;
    get_mapping(call).await
}

/// New fields join the mapping; one that is there keeps its type.
async fn remap(
    call: Call<'_>,
    collection: &Collection,
    given: Map<String, Value>,
) -> Result<(), Fault> {
    ours(call, collection)?;
    let mut wanted = collection.clone();
    let mut mappings = match wanted.mappings.take() {
        Some(Value::Object(mappings)) => mappings,
        Some(_) | None => Map::new(),
    };
    for (name, value) in given {
        match (name.as_str(), mappings.get_mut("properties")) {
            ("properties", Some(Value::Object(known))) => join(known, value, "")?,
            _ => drop(mappings.insert(name, value)),
        }
    }
    wanted.mappings = Some(Value::Object(mappings));
    if let Some(view) = &call.app.ports.view {
        view.update_collection(&wanted).await.map_err(unmappable)?;
    }
    replace(call, &wanted, &collection.incarnation).await
}

fn join(known: &mut Map<String, Value>, given: Value, path: &str) -> Result<(), Fault> {
    let Value::Object(given) = given else {
        return Ok(());
    };
    for (name, field) in given {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let Some(stands) = known.get_mut(&name) else {
            known.insert(name, field);
            continue;
        };
        let kind = |field: &Value| {
            field
                .get("type")
                .cloned()
                .unwrap_or_else(|| "object".into())
        };
        if kind(stands) != kind(&field) {
            return Err(Fault::new(
                Id::CannotChangeMapping,
                format!("the field \"{path}\" has a mapping already, which cannot be changed"),
            )
            .props([&path]));
        }
        match (stands.get_mut("properties"), field) {
            (Some(Value::Object(inner)), Value::Object(mut field)) => {
                join(inner, field.remove("properties").unwrap_or_default(), &path)?
            }
            (_, field) => *stands = field,
        }
    }
    Ok(())
}

/// The collection by what the record holds now, not by memory.
async fn standing(call: Call<'_>) -> Result<Collection, Fault> {
    let (index, name) = (call.request.index()?, call.request.collection()?);
    call.app.collections.renew(index, name).await?;
    Ok((*place::collection(call).await?).clone())
}

/// Sets what stands instead of the incarnation `was`.
async fn replace(call: Call<'_>, wanted: &Collection, was: &str) -> Result<(), Fault> {
    let replaced = call
        .app
        .ports
        .record
        .replace_collection(wanted, was)
        .await?;
    call.app
        .collections
        .renew(&wanted.index, &wanted.collection)
        .await?;
    match replaced {
        true => Ok(()),
        false => Err(Fault::new(
            Id::UnknownCollection,
            "the collection was dropped or emptied meanwhile",
        )
        .props([&wanted.index, &wanted.collection])),
    }
}

/// Collections that operations of the catalog own are not for clients to change.
pub(super) fn ours(call: Call<'_>, collection: &Collection) -> Result<(), Fault> {
    let owned = call
        .app
        .ports
        .catalog
        .collections()
        .iter()
        .any(|own| own.index == collection.index && own.collection == collection.collection);
    match owned {
        false => Ok(()),
        true => Err(Fault::new(
            Id::StorageBadRequest,
            format!(
                "the collection {} belongs to operations of the catalog",
                collection.name()
            ),
        )),
    }
}

pub(super) async fn exists(call: Call<'_>) -> Result<Reply, Fault> {
    let (index, name) = (call.request.index()?, call.request.collection()?);
    Ok(Reply::of(
        &call.app.collections.renew(index, name).await?.is_some(),
    ))
}

pub(super) async fn names(call: Call<'_>) -> Result<Reply, Fault> {
    let index = place::index(call).await?;
    let kind = call.request.text("type")?.unwrap_or("all");
    if !["all", "stored", "realtime"].contains(&kind) {
        return Err(Fault::invalid(
            "type",
            "\"all\", \"stored\" or \"realtime\"",
        ));
    }
    let all = call.app.collections.list().await?;
    let named = all
        .iter()
        .filter(|one| one.index == index && kind != "realtime");
    // Clients that want them all ask for none.
    let (from, size) = (
        call.request.number("from")?.unwrap_or(0),
        call.request.number("size")?.filter(|size| *size > 0),
    );
    let shown: Vec<Value> = named
        .map(|one| json!({"name": one.collection, "type": "stored"}))
        .skip(from)
        .take(size.unwrap_or(usize::MAX))
        .collect();
    Ok(Reply::of(&json!({"type": kind, "collections": shown})))
}

pub(super) async fn get_mapping(call: Call<'_>) -> Result<Reply, Fault> {
    let collection = standing(call).await?;
    let mut mappings = match collection.mappings {
        Some(Value::Object(mappings)) => mappings,
        Some(_) | None => Map::new(),
    };
    if !call.request.flag("includeKuzzleMeta")?
        && let Some(Value::Object(properties)) = mappings.get_mut("properties")
    {
        properties.shift_remove(metadata::MEMBER);
    }
    mappings.entry("dynamic").or_insert_with(|| "true".into());
    mappings.entry("properties").or_insert_with(|| json!({}));
    Ok(Reply::of(&Value::Object(mappings)))
}

pub(super) async fn get_settings(call: Call<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(
        &standing(call).await?.settings.unwrap_or_else(|| json!({})),
    ))
}

pub(super) async fn refresh(call: Call<'_>) -> Result<Reply, Fault> {
    let (view, collection) = search::fresh(call).await?;
    call.app
        .refreshes
        .refresh(Some(&*view), &collection)
        .await?;
    Ok(Reply::nothing())
}

pub(super) async fn truncate(call: Call<'_>) -> Result<Reply, Fault> {
    let old = standing(call).await?;
    ours(call, &old)?;
    let fresh = Collection {
        incarnation: incarnation(),
        created: call.app.now(),
        ..old.clone()
    };
    if let Some(view) = &call.app.ports.view {
        view.create_collection(&fresh).await.map_err(unmappable)?;
    }
    if let Err(fault) = replace(call, &fresh, &old.incarnation).await {
        clear(call, &fresh).await?;
        return Err(fault);
    }
    tokio::time::sleep(GRACE).await;
    clear(call, &old).await?;
    Ok(Reply::nothing())
}

pub(super) async fn delete(call: Call<'_>) -> Result<Reply, Fault> {
    let old = standing(call).await?;
    ours(call, &old)?;
    index::remember(call, &old.index).await?;
    drop_all(call, std::slice::from_ref(&old)).await?;
    Ok(Reply::nothing())
}

/// The record first: what it does not name any more is gone, whatever the view still holds.
pub(super) async fn drop_all(call: Call<'_>, collections: &[Collection]) -> Result<(), Fault> {
    for one in collections {
        call.app
            .ports
            .record
            .drop_collection(&one.index, &one.collection, &one.incarnation)
            .await?;
        call.app.collections.forget(&one.index, &one.collection);
    }
    if !collections.is_empty() {
        tokio::time::sleep(GRACE).await;
    }
    for one in collections {
        clear(call, one).await?;
    }
    Ok(())
}

/// What the view holds of an incarnation that is over.
async fn clear(call: Call<'_>, old: &Collection) -> Result<(), Fault> {
    match &call.app.ports.view {
        Some(view) => Ok(view.drop_collection(old).await?),
        None => Ok(()),
    }
}
