//! Rows of the operations' own tables.
//!
//! - Put is a row deletion one tick before an insert: it clears columns it does not name, sets and maps too, without a tombstone per cell, and
//!   the same twice is the same. One tick before a step is the step before it (or the last possible step of an older version), which a Put
//!   replaces anyway; and a deletion beats a write of its own tick.
//! - Merge is an insert that leaves unnamed cells unset. With a deadline the named cells go by themselves, the others stay.
//! - Remove is a row deletion.
//! - A deadline that has passed deletes, at the same timestamp: older writes that come late stay hidden.
//!
//! Who wins is for timestamps to say; Cassandra never tells, so a stale row write is done like any other. Rows carry no request: that two
//! requests have one version is found at the documents of the same decision.

use super::Unit;
use crate::{
    cell::{Cell, to_cql},
    classify::Failure,
    session::Connection,
    shape::{Shape, Shapes},
};
use event_schema::mutation::RowAction;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use store::{ItemVerdict, RowWrite, document::Write};

/// The longest that Cassandra lets a cell live, 20 years in seconds.
const LONGEST_TTL: i64 = 630_720_000;

pub(crate) async fn units<'a>(
    connection: &Connection,
    shapes: &Shapes,
    writes: &'a [Write],
    units: &mut Vec<Unit<'a>>,
    verdicts: &mut [Option<ItemVerdict>],
) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let mut known: HashMap<&str, Result<Arc<Shape>, Failure>> = HashMap::new();
    for (item, write) in writes.iter().enumerate() {
        let Write::Row(row) = write else { continue };
        let table = row.key().table.as_str();
        if !known.contains_key(table) {
            known.insert(table, shapes.of(connection, table).await);
        }
        if let Some(Ok(shape)) = known.get(table)
            && row.mutation.cells.keys().any(|name| shape.cell(name).is_none())
        {
            // The table may have grown since it was read.
            shapes.forget(table);
            known.insert(table, shapes.of(connection, table).await);
        }
        let unit = match &known[table] {
            Ok(shape) => unit(shape, item, row, now).map_err(|message| ItemVerdict::permanent("unwritable_row", message)),
            Err(failure) => Err(failure.clone().into_verdict()),
        };
        match unit {
            Ok(unit) => units.extend(unit),
            Err(verdict) => verdicts[item] = Some(verdict),
        }
    }
}

fn unit<'a>(shape: &Shape, item: usize, row: &'a RowWrite, now: i64) -> Result<Option<Unit<'a>>, String> {
    let key = key(shape, row)?;
    let cells = cells(shape, row)?;
    let mut partition = Vec::new();
    key.iter().take(shape.partition_key.len()).for_each(|cell| cell.identify(&mut partition));
    let at = row.version.timestamp(row.step);
    let ttl = row.mutation.expires.map(|deadline| (deadline - now).div_euclid(1_000) + i64::from((deadline - now) % 1_000 != 0));
    let gone = ttl.is_some_and(|ttl| ttl <= 0);
    let ttl = Cell::int(ttl.map_or(0, |ttl| ttl.clamp(1, LONGEST_TTL)) as i32);
    let delete = |at: i64| (Arc::clone(&shape.delete), std::iter::once(Cell::timestamp(at)).chain(key.iter().cloned()).collect::<Vec<_>>());
    let insert = |cells: Vec<Cell<'a>>, ttl: Cell<'a>| {
        let values = key.iter().cloned().chain(cells).chain([Cell::timestamp(at), ttl]).collect::<Vec<_>>();
        (Arc::clone(&shape.insert), values)
    };
    let statements = match row.mutation.action {
        RowAction::Remove => vec![delete(at)],
        RowAction::Put if gone => vec![delete(at)],
        RowAction::Put => vec![delete(at - 1), insert(cells, ttl)],
        RowAction::Merge if gone => {
            let Some(update) = &shape.update else { return Ok(None) };
            let cleared = cells.into_iter().map(|cell| if cell == Cell::Unset { cell } else { Cell::Null });
            let values = [Cell::timestamp(at), Cell::int(0)].into_iter().chain(cleared).chain(key.iter().cloned()).collect();
            vec![(Arc::clone(update), values)]
        }
        RowAction::Merge => vec![insert(cells, ttl)],
    };
    Ok(Some(Unit::new(item, partition, statements)))
}

fn key<'a>(shape: &Shape, row: &'a RowWrite) -> Result<Vec<Cell<'a>>, String> {
    bind_key(shape, row.key())
}

/// All key columns in the table's order.
pub(crate) fn bind_key<'a>(shape: &Shape, key: &'a event_schema::mutation::RowKey) -> Result<Vec<Cell<'a>>, String> {
    if key.key.len() != shape.key().count() {
        return Err(format!("table {} has {} key columns, not {}", key.table, shape.key().count(), key.key.len()));
    }
    let bound = shape.key().map(|column| {
        let value = key.key.get(&column.name).ok_or_else(|| format!("key column {} of table {} is missing", column.name, key.table))?;
        to_cql(&column.kind, value).map(Cell::Value).map_err(|why| format!("{}.{}: {why}", key.table, column.name))
    });
    bound.collect()
}

/// All cells in the table's order; what the row does not name is unset.
fn cells<'a>(shape: &Shape, row: &'a RowWrite) -> Result<Vec<Cell<'a>>, String> {
    let mut cells = vec![Cell::Unset; shape.cells.len()];
    for (name, value) in &row.mutation.cells {
        let n = shape.cell(name).ok_or_else(|| format!("table {} has no column {name} beside its key", row.key().table))?;
        cells[n] = match value {
            serde_json::Value::Null => Cell::Null,
            value => to_cql(&shape.cells[n].kind, value).map(Cell::Value).map_err(|why| format!("{}.{name}: {why}", row.key().table))?,
        };
    }
    Ok(cells)
}
