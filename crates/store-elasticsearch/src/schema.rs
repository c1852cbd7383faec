//! Indices and their mappings: made where they are missing, compared where they stand. A migration
//! never changes or drops anything that is there; what differs is named for a person to mend.

use crate::{
    classify::{self, Trouble},
    client::Client,
    name,
    read::{damaged_error, json_body},
};
use elasticsearch::http::Method;
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};
use store::{
    Collection, StoreError, Unmappable,
    mapping::{DynamicFields, IndexSettings, Mapping},
    schema::MigrationReport,
    view::HeldIncarnation,
};

/// The fields of our own member, and how deep they lie. What clients write is held to the
/// collection's own limits before it is accepted.
const OWN_FIELDS: usize = 3;
const OWN_DEPTH: usize = 2;

/// Mappings as [`store::View::check`] needs them: read once per collection.
#[derive(Default)]
pub(crate) struct Mappings(RwLock<HashMap<String, Known>>);

/// What became of fields beyond the mapping only the index knows: it says so when it refuses.
pub(crate) struct AskTheIndex;

impl DynamicFields for AskTheIndex {
    fn has(&self, _: &str) -> bool {
        true
    }
}

struct Known {
    mappings: Option<Value>,
    settings: Option<Value>,
    mapping: Arc<Mapping>,
}

impl Mappings {
    pub(crate) fn forget(&self, collection: &Collection) {
        let key = format!("{}/{}", collection.name(), collection.incarnation);
        let mut known = self.0.write();
        known.remove(&format!("{key}+"));
        known.remove(&key);
    }

    /// `mappings` of the collection: those that stand, or others under a slot of their own.
    pub(crate) fn of(
        &self,
        collection: &Collection,
        mappings: Option<&Value>,
        slot: &str,
    ) -> Result<Arc<Mapping>, Unmappable> {
        let key = format!("{}/{}{slot}", collection.name(), collection.incarnation);
        if let Some(known) = self.0.read().get(&key)
            && known.mappings.as_ref() == mappings
            && known.settings == collection.settings
        {
            return Ok(Arc::clone(&known.mapping));
        }
        let (mappings, settings) = (mappings.cloned(), collection.settings.clone());
        let mapping = Mapping::read(mappings.as_ref(), settings.as_ref());
        let mapping = Arc::new(mapping.map_err(|e| Unmappable {
            pointer: String::new(),
            message: e.to_string(),
        })?);
        self.0.write().insert(
            key,
            Known {
                mappings,
                settings,
                mapping: Arc::clone(&mapping),
            },
        );
        Ok(mapping)
    }
}

/// The collection's mapping with our member in it. Only what searches need is indexed; the rest of
/// the member is kept in the source.
fn index_mappings(collection: &Collection) -> Result<Value, StoreError> {
    let mut mappings = match &collection.mappings {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(mappings)) => mappings.clone(),
        Some(_) => return Err(classify::refused_error("mappings are an object".to_owned())),
    };
    let properties = mappings.entry("properties").or_insert_with(|| json!({}));
    let Value::Object(properties) = properties else {
        return Err(classify::refused_error(
            "`properties` is an object".to_owned(),
        ));
    };
    if properties.contains_key("_consign") {
        return Err(classify::refused_error(
            "the field `_consign` is taken".to_owned(),
        ));
    }
    let ours = json!({
        "dynamic": "false",
        "properties": {"deleted": {"type": "boolean"}, "id": {"type": "keyword", "index": false}},
    });
    properties.insert("_consign".to_owned(), ours);
    Ok(Value::Object(mappings))
}

/// The collection's settings, with room for our own member beside the fields that it counts.
fn index_settings(client: &Client, collection: &Collection) -> Result<Value, StoreError> {
    let read = IndexSettings::read(collection.settings.as_ref());
    let read = read.map_err(|error| classify::refused_error(error.to_string()))?;
    let mut settings: Map<String, Value> = read
        .given()
        .map(|(name, value)| (format!("index.{name}"), value.clone()))
        .collect();
    let fields = read.total_fields + OWN_FIELDS;
    settings.insert("index.mapping.total_fields.limit".to_owned(), fields.into());
    let depth = "index.mapping.depth.limit".to_owned();
    if settings.contains_key(&depth) {
        settings.insert(depth, read.depth.max(OWN_DEPTH).into());
    }
    if let Some(replicas) = client.config().replicas {
        let replicas = replicas.into();
        settings
            .entry("index.number_of_replicas")
            .or_insert(replicas);
    }
    Ok(Value::Object(settings))
}

/// How often the collection's index is refreshed; null: as Elasticsearch does it.
pub(crate) fn refresh_interval(collection: &Collection) -> Result<Value, StoreError> {
    let read = IndexSettings::read(collection.settings.as_ref());
    let read = read.map_err(|error| classify::refused_error(error.to_string()))?;
    let mut given = read.given();
    let interval = given.find(|(name, _)| *name == "refresh_interval");
    Ok(interval.map_or(Value::Null, |(_, value)| value.clone()))
}

/// Makes index and alias in one step; true if they were not there. Whoever comes second finds them.
pub(crate) async fn create_index(
    client: &Client,
    collection: &Collection,
) -> Result<bool, StoreError> {
    let alias = client.alias(
        &collection.index,
        &collection.collection,
        &collection.incarnation,
    )?;
    let index = name::first_index(&alias);
    let body = index_definition(client, collection, &alias)?;
    if alias_exists(client, &alias).await? {
        return Ok(false);
    }
    let answer = client.ask(Method::Put, &index, json_body(&body)).await?;
    if answer.status == 200 {
        return Ok(true);
    }
    if answer.status != 400
        || Trouble::read(&answer.body).kind != "resource_already_exists_exception"
    {
        return Err(classify::failed_definition(answer.status, &answer.body));
    }
    if !alias_exists(client, &alias).await? {
        // Somebody took the alias off: without it nothing can be written.
        let action =
            json!({"actions": [{"add": {"index": index, "alias": alias, "is_write_index": true}}]});
        let answer = client
            .ask(Method::Post, "_aliases", json_body(&action))
            .await?;
        classify::expect_success(&answer)?;
    }
    Ok(false)
}

fn index_definition(
    client: &Client,
    collection: &Collection,
    alias: &str,
) -> Result<Value, StoreError> {
    Ok(json!({
        "settings": index_settings(client, collection)?,
        "mappings": index_mappings(collection)?,
        "aliases": {alias: {"is_write_index": true}},
    }))
}

/// Makes an index of this name, behind this alias.
pub(crate) async fn make_index(
    client: &Client,
    collection: &Collection,
    index: &str,
    alias: &str,
) -> Result<(), StoreError> {
    let body = index_definition(client, collection, alias)?;
    let answer = client.ask(Method::Put, index, json_body(&body)).await?;
    match answer.status {
        200 => Ok(()),
        status => Err(classify::request_failure(
            status,
            &answer.body,
            classify::refused_error,
        )),
    }
}

async fn alias_exists(client: &Client, alias: &str) -> Result<bool, StoreError> {
    let answer = client
        .ask(Method::Get, &format!("_alias/{alias}"), None)
        .await?;
    match answer.status {
        200 => Ok(true),
        404 => Ok(false),
        status => Err(classify::request_failure(
            status,
            &answer.body,
            classify::refused_error,
        )),
    }
}

/// Fields are added; the index refuses as a whole what would change one.
pub(crate) async fn update_mapping(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let alias = client.alias(
        &collection.index,
        &collection.collection,
        &collection.incarnation,
    )?;
    let answer = client
        .ask(
            Method::Put,
            &format!("{alias}/_mapping"),
            json_body(&index_mappings(collection)?),
        )
        .await?;
    match answer.status {
        200 => Ok(()),
        status => Err(classify::failed_definition(status, &answer.body)),
    }
}

/// Every index behind the alias, and with them the alias.
pub(crate) async fn drop_indices(
    client: &Client,
    collection: &Collection,
) -> Result<(), StoreError> {
    let alias = client.alias(
        &collection.index,
        &collection.collection,
        &collection.incarnation,
    )?;
    let answer = client
        .ask(Method::Get, &format!("_alias/{alias}"), None)
        .await?;
    let indices: Map<String, Value> = match answer.status {
        200 => serde_json::from_slice(&answer.body).map_err(damaged_error)?,
        404 => return Ok(()),
        status => {
            return Err(classify::request_failure(
                status,
                &answer.body,
                classify::refused_error,
            ));
        }
    };
    for index in indices.keys() {
        let answer = client.ask(Method::Delete, index, None).await?;
        if !matches!(answer.status, 200 | 404) {
            return Err(classify::request_failure(
                answer.status,
                &answer.body,
                classify::refused_error,
            ));
        }
    }
    Ok(())
}

/// The incarnations that have an index, the oldest first.
pub(crate) async fn held_incarnations(
    client: &Client,
    name: Option<(&str, &str)>,
) -> Result<Vec<HeldIncarnation>, StoreError> {
    let prefix = &client.config().prefix;
    let path = format!(
        "{}/_settings/index.creation_date?expand_wildcards=all&flat_settings=true",
        name::index_pattern(prefix, name)
    );
    let answer = client.ask(Method::Get, &path, None).await?;
    classify::expect_success(&answer)?;
    let indices: Map<String, Value> =
        serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    let mut held: Vec<HeldIncarnation> = Vec::new();
    for (of, settings) in &indices {
        let Some([index, collection, incarnation]) = name::decode_index(prefix, of) else {
            continue;
        };
        let made = settings["settings"]["index.creation_date"].as_str();
        let made = made.and_then(|made| made.parse().ok()).unwrap_or(i64::MAX);
        held.push(HeldIncarnation {
            index,
            collection,
            incarnation,
            made,
        });
    }
    // One that is being given another place has two indices.
    held.sort_by(|a, b| (&a.incarnation, a.made).cmp(&(&b.incarnation, b.made)));
    held.dedup_by(|a, b| {
        (&a.index, &a.collection, &a.incarnation) == (&b.index, &b.collection, &b.incarnation)
    });
    held.sort_by_key(|one| one.made);
    Ok(held)
}

/// Indices that are being made at the same time: each waits for its shards.
const AT_ONCE: usize = 8;

pub(crate) async fn migrate_collections(
    client: &Client,
    collections: &[Collection],
) -> Result<MigrationReport, StoreError> {
    stream::iter(0..collections.len())
        .map(|n| migrate_collection(client, &collections[n]))
        .buffered(AT_ONCE)
        .try_fold(MigrationReport::default(), |mut all, one| async move {
            all.created.extend(one.created);
            all.drift.extend(one.drift);
            all.unchanged += one.unchanged;
            Ok(all)
        })
        .await
}

async fn migrate_collection(
    client: &Client,
    collection: &Collection,
) -> Result<MigrationReport, StoreError> {
    let mut report = MigrationReport::default();
    let alias = client.alias(
        &collection.index,
        &collection.collection,
        &collection.incarnation,
    )?;
    if create_index(client, collection).await? {
        report.created.push(format!("index {alias}"));
        return Ok(report);
    }
    let answer = client
        .ask(Method::Get, &format!("{alias}/_mapping"), None)
        .await?;
    classify::expect_success(&answer)?;
    let standing: Map<String, Value> =
        serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    let wanted = index_mappings(collection)?;
    for (index, found) in &standing {
        let at = format!("index {index}: ");
        compare_mappings(&wanted, &found["mappings"], &at, &mut report.drift);
    }
    report.unchanged = usize::from(report.drift.is_empty());
    Ok(report)
}

/// Parameters that an index shows as they were given.
const COMPARED: [&str; 5] = ["type", "format", "analyzer", "normalizer", "dynamic"];

/// Every wanted field that is missing or of another kind. Fields that documents brought are no
/// drift.
fn compare_mappings(wanted: &Value, standing: &Value, at: &str, drift: &mut Vec<String>) {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    for name in COMPARED {
        let given = match (name, wanted.get(name)) {
            (_, None) => continue,
            // An index does not show what is the case anyway.
            ("type", Some(kind)) if kind == "object" => continue,
            (_, Some(given)) => text(given),
        };
        let found = standing
            .get(name)
            .map_or_else(|| "not set".to_owned(), text);
        if found != given {
            drift.push(format!("{at}{name} is {found}, not {given}"));
        }
    }
    for below in ["properties", "fields"] {
        for (name, field) in wanted
            .get(below)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            // `a.b` is shown as `b` within `a`.
            let path = name.split('.').collect::<Vec<_>>().join("/properties/");
            match standing.pointer(&format!("/{below}/{path}")) {
                None => drift.push(format!("{at}field {name} is missing")),
                Some(found) => {
                    compare_mappings(field, found, &format!("{at}field {name}: "), drift)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
