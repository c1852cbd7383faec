//! Documents: one row each, every cell of it written at the version's timestamp, so that a newer
//! write replaces it whole and a marker hides what comes late.
//!
//! Cassandra takes two writes of one timestamp without a word and mixes their cells. So the same
//! version of another request must be found by reading, which costs about half a write. A read is
//! only needed where such a row can stand: at or below the highest version this process has met in
//! that generation and partition. Versions only rise, and whoever plans a write has read the
//! document through this store, so what stands there has been met; the first write of each
//! partition is looked at always. Repeats are at or below too: they are the price.

use super::Unit;
use crate::{STORE, cell::Cell, classify::CassandraFailure, session::SessionConnection};
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use scylla::value::CqlValue;
use std::{collections::HashMap, sync::Arc};
use store::{DocumentWrite, ItemVerdict, Meta, document::Write};

/// The highest version met, by generation and partition.
#[derive(Default)]
pub(crate) struct Floors(Mutex<HashMap<(u16, u16), u64>>);

impl Floors {
    pub(crate) fn seen(&self, meta: &Meta) {
        let mut floors = self.0.lock();
        let floor = floors.entry(Self::key(meta)).or_insert(meta.version.0);
        *floor = (*floor).max(meta.version.0);
    }

    fn may_stand(&self, meta: &Meta) -> bool {
        self.0
            .lock()
            .get(&Self::key(meta))
            .is_none_or(|floor| meta.version.0 <= *floor)
    }

    fn key(meta: &Meta) -> (u16, u16) {
        (meta.version.generation(), meta.position.partition)
    }
}

pub(crate) async fn document_units<'a>(
    connection: &SessionConnection,
    floors: &Floors,
    writes: &'a [Write],
    units: &mut Vec<Unit<'a>>,
    verdicts: &mut [Option<ItemVerdict>],
) {
    let documents: Vec<(usize, &DocumentWrite)> = writes
        .iter()
        .enumerate()
        .filter_map(|(item, write)| match write {
            Write::Document(document) => Some((item, document)),
            Write::Row(_) => None,
        })
        .collect();
    if documents.is_empty() {
        return;
    }
    let name = connection.table("documents");
    let text = format!(
        "INSERT INTO {name} (\"index\", collection, incarnation, id, body, version, position, revision, request, deleted) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
    );
    let delete = format!(
        "DELETE FROM {name} USING TIMESTAMP ? \
         WHERE \"index\" = ? AND collection = ? AND incarnation = ? AND id = ?"
    );
    let has_purges = documents.iter().any(|(_, document)| document.purged);
    let prepared = async {
        let delete = match has_purges {
            true => Some(connection.prepare(&delete).await?),
            false => None,
        };
        Ok::<_, CassandraFailure>((connection.prepare(&text).await?, delete))
    };
    let (insert, delete) = match prepared.await {
        Ok(statements) => statements,
        Err(failure) => {
            return documents
                .iter()
                .for_each(|(item, _)| verdicts[*item] = Some(failure.clone().into_verdict()));
        }
    };
    // All are judged by what was met before this batch; only then does the batch itself count as
    // met.
    let to_look_at: Vec<_> = documents
        .iter()
        .filter(|(_, document)| floors.may_stand(&document.meta))
        .copied()
        .collect();
    documents
        .iter()
        .for_each(|(_, document)| floors.seen(&document.meta));
    for (item, verdict) in look_up_standing(connection, &to_look_at).await {
        verdicts[item] = verdict;
    }
    for (item, document) in documents {
        if verdicts[item].is_none() {
            let mut partition = Vec::new();
            key_cells(document)
                .iter()
                .for_each(|cell| cell.identify(&mut partition));
            let statement = match &delete {
                Some(delete) if document.purged => (Arc::clone(delete), purge_cells(document)),
                Some(_) | None => (Arc::clone(&insert), value_cells(document)),
            };
            units.push(Unit::new(item, partition, vec![statement]));
        }
    }
}

fn key_cells(document: &DocumentWrite) -> [Cell<'_>; 4] {
    let key = &document.key;
    [&key.index, &key.collection, &key.incarnation, &key.id].map(|text| Cell::Text(text))
}

fn value_cells(document: &DocumentWrite) -> Vec<Cell<'_>> {
    let meta = &document.meta;
    let position = &meta.position;
    let position = [
        CqlValue::Int(position.generation.into()),
        CqlValue::Int(position.partition.into()),
        CqlValue::BigInt(position.offset.get() as i64),
    ];
    let mut values = Vec::with_capacity(11);
    values.extend(key_cells(document));
    values.extend([
        document
            .body
            .as_ref()
            .map_or(Cell::Null, |body| Cell::Text(body.get())),
        Cell::bigint(meta.version.0),
        Cell::Value(CqlValue::Tuple(position.map(Some).into())),
        Cell::bigint(meta.revision),
        Cell::Value(CqlValue::Text(meta.request.to_string())),
        Cell::Value(CqlValue::Boolean(document.body.is_none())),
        Cell::timestamp(meta.version.timestamp(0)),
    ]);
    values
}

/// Everything that is older than the version goes, its marker too; what is newer stays, whenever
/// this arrives.
fn purge_cells(document: &DocumentWrite) -> Vec<Cell<'_>> {
    let mut values = vec![Cell::timestamp(document.meta.version.timestamp(0))];
    values.extend(key_cells(document));
    values
}

/// What stands where these writes want to go: a verdict where nothing is to be written.
async fn look_up_standing(
    connection: &SessionConnection,
    documents: &[(usize, &DocumentWrite)],
) -> Vec<(usize, Option<ItemVerdict>)> {
    let looks = documents.iter().map(|(item, document)| async move {
        let verdict = look_at(connection, document)
            .await
            .unwrap_or_else(|failure| Some(failure.into_verdict()));
        (*item, verdict)
    });
    stream::iter(looks.collect::<Vec<_>>())
        .buffer_unordered(connection.config().in_flight)
        .collect()
        .await
}

async fn look_at(
    connection: &SessionConnection,
    document: &DocumentWrite,
) -> Result<Option<ItemVerdict>, CassandraFailure> {
    let name = connection.table("documents");
    let text = format!(
        "SELECT version, request FROM {name} WHERE \"index\" = ? AND collection = ? AND incarnation = ? AND id = ?"
    );
    let found = connection
        .run(&text, key_cells(document).as_slice())
        .await?;
    let rows = found
        .into_rows_result()
        .map_err(|e| CassandraFailure::Transient(e.to_string()))?;
    let standing = rows
        .maybe_first_row::<(Option<i64>, Option<&str>)>()
        .map_err(|e| CassandraFailure::Transient(e.to_string()))?;
    let Some((Some(version), request)) = standing else {
        return Ok(None);
    };
    let ours = &document.meta;
    Ok(match (version as u64).cmp(&ours.version.0) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Greater => Some(ItemVerdict::Done),
        std::cmp::Ordering::Equal if request == Some(ours.request.to_string().as_str()) => {
            Some(ItemVerdict::Done)
        }
        std::cmp::Ordering::Equal => Some(ItemVerdict::Alarm(format!(
            "{STORE}: {} stands at version {version} by request {}, and request {} has the same version",
            document.key,
            request.unwrap_or("(none)"),
            ours.request
        ))),
    })
}
