//! Reads by id and what an index says of itself. Markers are left out, and our member is cut out of
//! every body.

use crate::{
    STORE, body,
    classify::{self, Trouble},
    client::Client,
    name,
};
use bytes::Bytes;
use elasticsearch::http::Method;
use event_schema::{Raw, id::RequestId, mutation::DocumentKey};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use store::{Collection, StoreError, view::ViewedDocument};

/// Documents may be large: this many in one read.
const READ: usize = 100;
/// A path must fit into a request line.
const LONGEST_PATH: usize = 3_000;

pub(crate) fn damaged_error(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged {
        store: STORE,
        why: what.to_string(),
    }
}

pub(crate) fn json_body(value: &Value) -> Option<Bytes> {
    Some(Bytes::from(value.to_string()))
}

pub(crate) fn collection_alias(
    client: &Client,
    collection: &Collection,
) -> Result<String, StoreError> {
    client.alias(
        &collection.index,
        &collection.collection,
        &collection.incarnation,
    )
}

pub(crate) async fn refresh_collections(
    client: &Client,
    collections: &[Collection],
) -> Result<(), StoreError> {
    let mut open = Vec::new();
    for collection in collections {
        let alias = collection_alias(client, collection)?;
        // A second place, if there is one: what is shown by the first must be shown by that too,
        // and by that before, as far as is known here.
        let next = format!("{alias}{}*", name::NEXT);
        if collection.changing.is_some() {
            refresh_some(client, std::slice::from_ref(&next)).await?;
        }
        open.extend([next, alias]);
        if open.iter().map(String::len).sum::<usize>() > LONGEST_PATH {
            refresh_some(client, &std::mem::take(&mut open)).await?;
        }
    }
    refresh_some(client, &open).await
}

async fn refresh_some(client: &Client, aliases: &[String]) -> Result<(), StoreError> {
    if aliases.is_empty() {
        return Ok(());
    }
    let answer = client
        .ask(
            Method::Post,
            &format!("{}/_refresh", aliases.join(",")),
            None,
        )
        .await?;
    classify::expect_success(&answer)?;
    check_shards(&answer.body)
}

/// A part of the shards is no answer.
pub(crate) fn check_shards(body: &[u8]) -> Result<(), StoreError> {
    #[derive(Deserialize)]
    struct Answer {
        _shards: Shards,
    }
    #[derive(Deserialize)]
    struct Shards {
        failed: u64,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(damaged_error)?;
    match answer._shards.failed {
        0 => Ok(()),
        failed => Err(StoreError::Unavailable {
            store: STORE,
            why: format!("{failed} shards did not answer"),
        }),
    }
}

/// The bytes that an index takes on all its nodes.
pub(crate) async fn index_size(
    client: &Client,
    collection: &Collection,
) -> Result<u64, StoreError> {
    let path = format!("{}/_stats/store", collection_alias(client, collection)?);
    let answer = client.ask(Method::Get, &path, None).await?;
    classify::expect_success(&answer)?;
    let stats: Value = serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    let size = stats.pointer("/_all/total/store/size_in_bytes");
    size.and_then(Value::as_u64)
        .ok_or_else(|| damaged_error("an index has no size"))
}

pub(crate) async fn read_documents(
    client: &Client,
    keys: &[DocumentKey],
) -> Result<Vec<Option<Raw>>, StoreError> {
    let found = cut_sources(client, keys).await?;
    let body = |found: Option<(Option<body::Stamp>, Option<Raw>)>| found.and_then(|(_, body)| body);
    Ok(found.into_iter().map(body).collect())
}

/// Markers and documents of other hands included.
pub(crate) async fn read_held(
    client: &Client,
    keys: &[DocumentKey],
) -> Result<Vec<Option<ViewedDocument>>, StoreError> {
    let found = cut_sources(client, keys).await?;
    let one = |(stamp, body): (Option<body::Stamp>, Option<Raw>)| ViewedDocument {
        version: stamp.as_ref().map(|stamp| stamp.version),
        request: stamp
            .as_ref()
            .and_then(|stamp| RequestId::parse_trusted(&stamp.request).ok()),
        revision: stamp.as_ref().and_then(|stamp| stamp.revision),
        diverged: stamp.is_some_and(|stamp| stamp.diverged),
        body,
    };
    Ok(found.into_iter().map(|found| found.map(one)).collect())
}

/// Stamp and body of each, one answer per key in order.
async fn cut_sources(
    client: &Client,
    keys: &[DocumentKey],
) -> Result<Vec<Option<(Option<body::Stamp>, Option<Raw>)>>, StoreError> {
    let aliases: Result<Vec<String>, _> = keys
        .iter()
        .map(|key| client.alias(&key.index, &key.collection, &key.incarnation))
        .collect();
    let aliases = aliases?;
    let asked: Vec<_> = aliases
        .iter()
        .zip(keys)
        .map(|(alias, key)| (alias.as_str(), key.id.as_str()))
        .collect();
    let found = read_sources(client, &asked, "").await?;
    let cut = |(key, found): (&DocumentKey, Option<Source>)| {
        found
            .map(|found| {
                body::cut_source(found.source.get())
                    .map_err(|e| damaged_error(format_args!("{key}: {e}")))
            })
            .transpose()
    };
    keys.iter().zip(found).map(cut).collect()
}

/// A document as the index holds it.
pub(crate) struct Source {
    pub(crate) version: i64,
    pub(crate) source: Box<RawValue>,
}

#[derive(Deserialize)]
struct ReadAnswer {
    docs: Vec<ReadOne>,
}

#[derive(Deserialize)]
struct ReadOne {
    #[serde(default)]
    found: bool,
    _version: Option<i64>,
    _source: Option<Box<RawValue>>,
    error: Option<Trouble>,
}

/// Reads by (alias, id), refreshed or not, one answer per key in order.
pub(crate) async fn read_sources(
    client: &Client,
    keys: &[(&str, &str)],
    parameters: &str,
) -> Result<Vec<Option<Source>>, StoreError> {
    let reads: Vec<_> = keys
        .chunks(READ)
        .map(|chunk| sources_of(client, chunk, parameters))
        .collect();
    let found: Vec<Vec<Option<Source>>> = stream::iter(reads)
        .buffered(client.config().bulks_in_flight)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn sources_of(
    client: &Client,
    keys: &[(&str, &str)],
    parameters: &str,
) -> Result<Vec<Option<Source>>, StoreError> {
    let asked: Vec<Value> = keys
        .iter()
        .map(|(alias, id)| json!({"_index": alias, "_id": id}))
        .collect();
    let answer = client
        .ask(
            Method::Post,
            &format!("_mget?{parameters}"),
            json_body(&json!({"docs": asked})),
        )
        .await?;
    classify::expect_success(&answer)?;
    let answer: ReadAnswer = serde_json::from_slice(&answer.body).map_err(damaged_error)?;
    if answer.docs.len() != keys.len() {
        return Err(damaged_error(format_args!(
            "{} answers for {} documents",
            answer.docs.len(),
            keys.len()
        )));
    }
    let one = |(doc, (alias, id)): (ReadOne, &(&str, &str))| match (doc.error, doc.found) {
        (Some(error), _) if error.kind == "index_not_found_exception" => {
            Err(StoreError::NotMigrated {
                store: STORE,
                why: error.message(),
            })
        }
        (Some(error), _) => Err(StoreError::Unavailable {
            store: STORE,
            why: format!("{}: {}", error.kind, error.message()),
        }),
        (None, false) => Ok(None),
        (None, true) => match (doc._version, doc._source) {
            (Some(version), Some(source)) => Ok(Some(Source { version, source })),
            _ => Err(damaged_error(format_args!(
                "{alias}/{id}: found without version or source"
            ))),
        },
    };
    answer.docs.into_iter().zip(keys).map(one).collect()
}
