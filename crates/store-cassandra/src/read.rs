//! Reads by key, many at once but never more than the connection has slots, and the scan over all
//! documents. Reads ask for the same consistency as writes, so they see what was answered done.

use crate::{
    STORE, apply::bind_key, cell::to_json, classify::CassandraFailure, session::SessionConnection,
    shape::RowShapes,
};
use event_schema::{
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    offset::TransactionsOffset,
    position::{Position, Version},
};
use futures::{StreamExt, TryStreamExt, stream};
use runtime::{Clock, SystemClock};
use scylla::{
    response::query_result::QueryRowsResult,
    value::{CqlValue, Row},
};
use serde_json::{Map, Value, value::RawValue};
use std::sync::Arc;
use store::{Meta, StoreError, StoredDocument, document::StoredRow};

pub(crate) fn damaged_error(what: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged {
        store: STORE,
        why: what.to_string(),
    }
}

/// Runs one statement that answers rows.
pub(crate) async fn query_rows(
    connection: &SessionConnection,
    text: &str,
    values: impl scylla::serialize::row::SerializeRow,
) -> Result<QueryRowsResult, StoreError> {
    let answer = connection
        .run(text, values)
        .await
        .map_err(CassandraFailure::into_error)?;
    answer.into_rows_result().map_err(damaged_error)
}

pub(crate) async fn read_documents(
    connection: &SessionConnection,
    keys: &[DocumentKey],
) -> Result<Vec<Option<StoredDocument>>, StoreError> {
    let name = connection.table("documents");
    let text = &format!(
        "SELECT body, version, position, revision, request, deleted FROM {name} \
         WHERE \"index\" = ? AND collection = ? AND incarnation = ? AND id = ?"
    );
    let reads: Vec<_> = keys
        .iter()
        .map(|key| read_document(connection, text, key))
        .collect();
    stream::iter(reads)
        .buffered(connection.config().in_flight)
        .try_collect()
        .await
}

type DocumentRow<'a> = (
    Option<&'a str>,
    Option<i64>,
    Option<(i32, i32, i64)>,
    Option<i64>,
    Option<&'a str>,
    Option<bool>,
);

async fn read_document(
    connection: &SessionConnection,
    text: &str,
    key: &DocumentKey,
) -> Result<Option<StoredDocument>, StoreError> {
    let rows = query_rows(
        connection,
        text,
        (&key.index, &key.collection, &key.incarnation, &key.id),
    )
    .await?;
    let Some(row) = rows
        .maybe_first_row::<DocumentRow>()
        .map_err(|e| damaged_error(format_args!("{key}: {e}")))?
    else {
        return Ok(None);
    };
    let (
        body,
        Some(version),
        Some((generation, partition, offset)),
        Some(revision),
        Some(request),
        deleted,
    ) = row
    else {
        return Err(damaged_error(format_args!(
            "{key}: the row lacks cells that every write makes"
        )));
    };
    let request =
        RequestId::parse_trusted(request).map_err(|e| damaged_error(format_args!("{key}: {e}")))?;
    let position = Position {
        generation: generation as u16,
        partition: partition as u16,
        offset: TransactionsOffset::new(offset as u64),
    };
    let meta = Meta {
        version: Version(version as u64),
        position,
        revision: revision as u64,
        request,
    };
    let body = match (deleted.unwrap_or(false), body) {
        (true, _) => None,
        (false, Some(body)) => Some(Arc::from(
            RawValue::from_string(body.to_owned())
                .map_err(|e| damaged_error(format_args!("{key}: {e}")))?,
        )),
        (false, None) => {
            return Err(damaged_error(format_args!(
                "{key}: neither a body nor a deletion marker"
            )));
        }
    };
    Ok(Some(StoredDocument { meta, body }))
}

pub(crate) async fn read_rows(
    connection: &SessionConnection,
    shapes: &RowShapes,
    keys: &[RowKey],
) -> Result<Vec<Option<StoredRow>>, StoreError> {
    let reads: Vec<_> = keys
        .iter()
        .map(|key| read_row(connection, shapes, key))
        .collect();
    stream::iter(reads)
        .buffered(connection.config().in_flight)
        .try_collect()
        .await
}

async fn read_row(
    connection: &SessionConnection,
    shapes: &RowShapes,
    key: &RowKey,
) -> Result<Option<StoredRow>, StoreError> {
    let shape = shapes
        .of(connection, &key.table)
        .await
        .map_err(CassandraFailure::into_error)?;
    let bound = bind_key(&shape, key).map_err(|misfit| StoreError::Refused {
        store: STORE,
        why: format!("row {key}: {misfit}"),
    })?;
    let answer = match connection.execute(&shape.select, &bound).await {
        Err(CassandraFailure::Suspect(message)) => {
            shapes.forget(&key.table);
            return Err(connection
                .suspect(shape.select.get_statement(), message)
                .await
                .into_error());
        }
        other => other.map_err(CassandraFailure::into_error)?,
    };
    let rows = answer.into_rows_result().map_err(damaged_error)?;
    let found = rows
        .maybe_first_row::<Row>()
        .map_err(|e| damaged_error(format_args!("{key}: {e}")));
    let Some(found) = found? else { return Ok(None) };
    let mut cells = Map::new();
    for (column, cell) in shape.cells.iter().zip(&found.columns) {
        if let Some(value) = cell.as_ref().and_then(to_json) {
            cells.insert(column.clone(), value);
        }
    }
    let lives = found.columns.get(shape.cells.len()..).unwrap_or_default();
    let expires = longest_life(&shape.timed, lives, &cells)
        .map(|seconds| SystemClock.now() + i64::from(seconds) * 1_000);
    Ok(Some(StoredRow { cells, expires }))
}

/// Seconds until the last of these cells goes; `None` where one never does.
fn longest_life(
    timed: &[String],
    lives: &[Option<CqlValue>],
    cells: &Map<String, Value>,
) -> Option<i32> {
    let alive = timed.iter().zip(lives);
    let alive = alive.filter(|(column, _)| cells.contains_key(*column));
    let mut lives = alive.map(|(_, life)| match life {
        Some(CqlValue::Int(seconds)) => Some(*seconds),
        Some(_) | None => None,
    });
    let first = lives.next()??;
    lives.try_fold(first, |longest, life| Some(longest.max(life?)))
}

/// Ids of one collection in the order of their tokens. Every document is a partition of its own, so
/// this reads the keys of all collections from `after` on and leaves the others out: for counting
/// and comparing, not for serving. Filtering here and not in Cassandra keeps each page short
/// however sparse the collection is.
pub(crate) async fn scan_ids(
    connection: &SessionConnection,
    [index, collection, incarnation]: [&str; 3],
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let after = after.map(|id| DocumentKey {
        index: index.to_owned(),
        collection: collection.to_owned(),
        incarnation: incarnation.to_owned(),
        id: id.to_owned(),
    });
    let is_ours = |key: &DocumentKey| {
        [&key.index, &key.collection, &key.incarnation] == [index, collection, incarnation]
    };
    let keys = scan_where(connection, after.as_ref(), limit, is_ours).await?;
    Ok(keys.into_iter().map(|key| key.id).collect())
}

/// Documents of all collections in the order of their tokens.
pub(crate) async fn scan_documents(
    connection: &SessionConnection,
    after: Option<&DocumentKey>,
    limit: usize,
) -> Result<Vec<DocumentKey>, StoreError> {
    scan_where(connection, after, limit, |_| true).await
}

async fn scan_where(
    connection: &SessionConnection,
    after: Option<&DocumentKey>,
    limit: usize,
    wanted: impl Fn(&DocumentKey) -> bool,
) -> Result<Vec<DocumentKey>, StoreError> {
    let name = connection.table("documents");
    let columns = "\"index\", collection, incarnation, id";
    let start = if after.is_some() {
        format!(" WHERE token({columns}) > token(?, ?, ?, ?)")
    } else {
        String::new()
    };
    let text = format!("SELECT {columns}, deleted FROM {name}{start}");
    let prepared = connection
        .prepare(&text)
        .await
        .map_err(CassandraFailure::into_error)?;
    let mut statement = (*prepared).clone();
    statement.set_page_size(i32::try_from(limit.clamp(100, 5_000)).unwrap_or(5_000));
    let values: Vec<&str> = after.map_or_else(Vec::new, |key| {
        let columns = [&key.index, &key.collection, &key.incarnation, &key.id];
        columns.map(String::as_str).to_vec()
    });
    let session = connection
        .session()
        .await
        .map_err(CassandraFailure::into_error)?;
    let unavailable = |why: String| StoreError::Unavailable { store: STORE, why };
    let pages = session
        .execute_iter(statement, values)
        .await
        .map_err(|e| unavailable(e.to_string()))?;
    let mut rows = pages
        .rows_stream::<(String, String, String, String, Option<bool>)>()
        .map_err(damaged_error)?;
    let mut keys = Vec::new();
    while keys.len() < limit
        && let Some(row) = rows
            .try_next()
            .await
            .map_err(|e| unavailable(e.to_string()))?
    {
        let (index, collection, incarnation, id, deleted) = row;
        let key = DocumentKey {
            index,
            collection,
            incarnation,
            id,
        };
        if deleted != Some(true) && wanted(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
