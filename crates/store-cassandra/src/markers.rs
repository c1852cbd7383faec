//! Which deletion markers stand, a page at a time, in the order of tokens. Markers are rows like any
//! others and have no index, so every document is passed; a page passes a bounded number, whatever
//! it finds. It reads only.
//!
//! See ADR 38.

use crate::{STORE, classify::CassandraFailure, read::damaged_error, session::SessionConnection};
use event_schema::{
    id::RequestId,
    mutation::DocumentKey,
    offset::TransactionsOffset,
    position::{Position, Version},
};
use futures::TryStreamExt;
use store::{MarkerPage, Meta, StoreError, StoredMarker};

/// Documents that are looked at for one page.
const LOOKED_AT: usize = 20_000;
const FETCHED: i32 = 2_000;

type MarkerRow = (
    String,
    String,
    String,
    String,
    Option<bool>,
    Option<i64>,
    Option<(i32, i32, i64)>,
    Option<i64>,
    Option<String>,
);

pub(crate) async fn scan_markers(
    connection: &SessionConnection,
    after: Option<&DocumentKey>,
    limit: usize,
) -> Result<MarkerPage, StoreError> {
    let name = connection.table("documents");
    let columns = "\"index\", collection, incarnation, id";
    let start = match after {
        Some(_) => format!(" WHERE token({columns}) > token(?, ?, ?, ?)"),
        None => String::new(),
    };
    let text = format!(
        "SELECT {columns}, deleted, version, position, revision, request FROM {name}{start}"
    );
    let prepared = connection.prepare(&text).await;
    let mut statement = (*prepared.map_err(CassandraFailure::into_error)?).clone();
    statement.set_page_size(FETCHED);
    let values: Vec<&str> = after.map_or_else(Vec::new, |key| {
        let columns = [&key.index, &key.collection, &key.incarnation, &key.id];
        columns.map(String::as_str).to_vec()
    });
    let session = connection.session().await;
    let session = session.map_err(CassandraFailure::into_error)?;
    let unavailable = |why: String| StoreError::Unavailable { store: STORE, why };
    let pages = session.execute_iter(statement, values).await;
    let mut rows = pages
        .map_err(|e| unavailable(e.to_string()))?
        .rows_stream::<MarkerRow>()
        .map_err(damaged_error)?;
    let mut page = MarkerPage::default();
    let mut looked_at = 0;
    while let Some(row) = rows
        .try_next()
        .await
        .map_err(|e| unavailable(e.to_string()))?
    {
        looked_at += 1;
        let (index, collection, incarnation, id, deleted, ..) = &row;
        let key = DocumentKey {
            index: index.clone(),
            collection: collection.clone(),
            incarnation: incarnation.clone(),
            id: id.clone(),
        };
        if *deleted == Some(true) {
            let meta = marker_meta(&key, &row)?;
            let key = key.clone();
            page.markers.push(StoredMarker { key, meta });
        }
        if looked_at == LOOKED_AT || page.markers.len() == limit {
            page.next = Some(key);
            break;
        }
    }
    Ok(page)
}

fn marker_meta(key: &DocumentKey, row: &MarkerRow) -> Result<Meta, StoreError> {
    let (.., Some(version), Some((generation, partition, offset)), Some(revision), Some(request)) =
        row
    else {
        return Err(damaged_error(format_args!(
            "{key}: the row lacks cells that every write makes"
        )));
    };
    let request =
        RequestId::parse_trusted(request).map_err(|e| damaged_error(format_args!("{key}: {e}")))?;
    Ok(Meta {
        version: Version(*version as u64),
        position: Position {
            generation: *generation as u16,
            partition: *partition as u16,
            offset: TransactionsOffset::new(*offset as u64),
        },
        revision: *revision as u64,
        request,
    })
}
