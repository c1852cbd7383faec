//! The controller `collection`. A collection that is dropped or emptied gets a new incarnation, or
//! none: what was accepted for the old one and is not applied yet is refused *missing*.

use super::{
    Fault, KuzzleCall, Reply, document::search, fault::Id, index, members::unexpected_argument,
    metadata, place,
};
use crate::{error::Problem, lookup::settled::AppliedSoFar};
use ::collections::{CollectionError, NewCollection};
use runtime::spawn;
use serde_json::{Map, Value, json};
use store::Collection;

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

/// What a collection is made or changed by.
#[derive(Clone, Debug)]
pub(super) struct RequestedDefinition {
    mappings: Option<Map<String, Value>>,
    settings: Option<Value>,
}

/// Of the body.
fn requested_definition(call: KuzzleCall<'_>) -> Result<RequestedDefinition, Fault> {
    read_definition(call.request.members()?)
}

/// The mappings may also stand there by themselves, as older clients send them.
pub(super) fn read_definition(mut body: Map<String, Value>) -> Result<RequestedDefinition, Fault> {
    let settings = body
        .remove("settings")
        .filter(|settings| !settings.is_null());
    if settings
        .as_ref()
        .is_some_and(|settings| !settings.is_object())
    {
        return Err(Fault::wrong_type("body.settings", "object"));
    }
    let mappings = match body.remove("mappings") {
        Some(Value::Object(mappings)) => Some(mappings),
        Some(Value::Null) => None,
        Some(_) => return Err(Fault::wrong_type("body.mappings", "object")),
        None if body.keys().any(|name| MAPPING.contains(&name.as_str())) => {
            Some(std::mem::take(&mut body))
        }
        None => None,
    };
    match body.keys().next() {
        Some(name) => {
            let known = ["mappings", "settings"].into_iter().chain(MAPPING);
            Err(unexpected_argument(&format!("body.{name}"), known))
        }
        None => Ok(RequestedDefinition { mappings, settings }),
    }
}

/// With the fields of `_kuzzle_info`, and fields that are not named left out of searches, unless it
/// says otherwise.
fn with_common_fields(mut given: Map<String, Value>) -> Value {
    let info = json!({"properties": {
        "author": {"type": "keyword"}, "createdAt": {"type": "date"}, "updater": {"type": "keyword"}, "updatedAt": {"type": "date"},
    }});
    given.entry("dynamic").or_insert_with(|| "false".into());
    if let Value::Object(properties) = given.entry("properties").or_insert_with(|| json!({})) {
        properties.insert(metadata::MEMBER.to_owned(), info);
    }
    Value::Object(given)
}

pub(super) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (index, name) = (call.request.index()?, call.request.collection()?);
    place::checked_index(index)?;
    place::checked_collection(name)?;
    make_collection(call, index, name, requested_definition(call)?).await?;
    Ok(Reply::of(&json!({"acknowledged": true})))
}

/// Makes it, or maps the one that stands anew.
pub(super) async fn make_collection(
    call: KuzzleCall<'_>,
    index: &str,
    name: &str,
    definition: RequestedDefinition,
) -> Result<(), Fault> {
    let RequestedDefinition { mappings, settings } = definition;
    let wanted = NewCollection {
        index: index.to_owned(),
        collection: name.to_owned(),
        mappings: Some(with_common_fields(mappings.clone().unwrap_or_default())),
        settings,
    };
    let created = call.app.collection_stores().create(wanted).await?;
    call.app.collections.put(created.collection.clone());
    match mappings.filter(|_| !created.fresh) {
        Some(given) => remap_collection(call, &created.collection, given).await,
        None => Ok(()),
    }
}

impl From<CollectionError> for Fault {
    fn from(error: CollectionError) -> Self {
        match error {
            CollectionError::Fixed(bad) => {
                let why = format!("{} (at {})", bad.message, bad.pointer);
                Self::new(Id::CannotChangeMapping, why).props([&bad.pointer])
            }
            CollectionError::Busy(_) => {
                Self::new(Id::Overloaded, error.to_string()).retry_after(Some(5))
            }
            CollectionError::Store(_)
            | CollectionError::Malformed(_)
            | CollectionError::BadSettings(_)
            | CollectionError::Refused(_)
            | CollectionError::Gone => Problem::from(error).into(),
        }
    }
}

pub(super) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let RequestedDefinition { mappings, settings } = requested_definition(call)?;
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
    let collection = standing_collection(call).await?;
    if let Some(given) = mappings {
        remap_collection(call, &collection, given).await?;
    }
    Ok(Reply::nothing())
}

/// The mapping as it is afterwards, as `updateMapping` answers it.
pub(super) async fn update_mapping(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    update(call).await?;
    get_mapping(call).await
}

/// New fields join the mapping; one that is there keeps its type. The change is carried to its end
/// though the client may go.
async fn remap_collection(
    call: KuzzleCall<'_>,
    collection: &Collection,
    given: Map<String, Value>,
) -> Result<(), Fault> {
    check_not_owned(call, collection)?;
    let (app, index, name) = (
        call.app.clone(),
        collection.index.clone(),
        collection.collection.clone(),
    );
    let change = spawn("mapping change", async move {
        let stores = app.collection_stores();
        let changed = stores
            .remap((&index, &name), &given, &AppliedSoFar(&app))
            .await;
        app.collections.renew(&index, &name).await?;
        changed
    });
    let changed = change.await;
    changed.map_err(|_| Fault::new(Id::Unexpected, "the change of the mapping failed"))??;
    Ok(())
}

/// The collection by what the record holds now, not by memory.
pub(super) async fn standing_collection(call: KuzzleCall<'_>) -> Result<Collection, Fault> {
    let (index, name) = (call.request.index()?, call.request.collection()?);
    call.app.collections.renew(index, name).await?;
    Ok((*place::request_collection(call).await?).clone())
}

/// Does it belong to operations of the catalog?
pub(super) fn is_owned(call: KuzzleCall<'_>, collection: &Collection) -> bool {
    let catalog = call.app.ports.catalog.current();
    let owned = catalog.collections();
    owned
        .iter()
        .any(|own| own.index == collection.index && own.collection == collection.collection)
}

/// Collections that operations of the catalog own are not for clients to change.
pub(super) fn check_not_owned(call: KuzzleCall<'_>, collection: &Collection) -> Result<(), Fault> {
    if is_owned(call, collection) {
        Err(Fault::new(
            Id::StorageBadRequest,
            format!(
                "the collection {} belongs to operations of the catalog",
                collection.name()
            ),
        ))
    } else {
        Ok(())
    }
}

pub(super) async fn exists(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (index, name) = (call.request.index()?, call.request.collection()?);
    Ok(Reply::of(
        &call.app.collections.renew(index, name).await?.is_some(),
    ))
}

pub(super) async fn names(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let index = place::existing_index(call).await?;
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
        .filter(|one| one.index == index && kind != "realtime" && !is_owned(call, one));
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

pub(super) async fn get_mapping(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let collection = standing_collection(call).await?;
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

pub(super) async fn get_settings(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(
        &standing_collection(call)
            .await?
            .settings
            .unwrap_or_else(|| json!({})),
    ))
}

pub(super) async fn refresh(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (view, collection) = search::fresh_view(call).await?;
    call.app
        .refreshes
        .refresh(Some(&*view), &collection)
        .await?;
    Ok(Reply::nothing())
}

pub(super) async fn truncate(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let old = standing_collection(call).await?;
    check_not_owned(call, &old)?;
    let emptied = call.app.collection_stores().truncate(&old).await;
    let (index, name) = (&old.index, &old.collection);
    call.app.collections.renew(index, name).await?;
    emptied?;
    Ok(Reply::nothing())
}

pub(super) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let old = standing_collection(call).await?;
    check_not_owned(call, &old)?;
    index::remember_index(call, &old.index).await?;
    drop_all(call, std::slice::from_ref(&old)).await?;
    Ok(Reply::nothing())
}

/// Memory is set right even where not all could be dropped.
pub(super) async fn drop_all(
    call: KuzzleCall<'_>,
    collections: &[Collection],
) -> Result<(), Fault> {
    for one in collections {
        call.app.collections.forget(&one.index, &one.collection);
    }
    let dropped = call.app.collection_stores().drop_all(collections).await;
    for one in collections {
        call.app.collections.forget(&one.index, &one.collection);
    }
    Ok(dropped?)
}
