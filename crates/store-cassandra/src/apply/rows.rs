//! Rows of the operations' own tables.
//!
//! - Put is a row deletion one tick before an insert: it clears columns it does not name, sets and
//!   maps too, without a tombstone per cell, and the same twice is the same. One tick before a step
//!   is the step before it (or the last possible step of an older version), which a Put replaces
//!   anyway; and a deletion beats a write of its own tick.
//! - Merge is an insert that leaves unnamed cells unset. With a deadline the named cells go by
//!   themselves, the others stay.
//! - Remove is a row deletion.
//! - A deadline that has passed deletes, at the same timestamp: older writes that come late stay
//!   hidden.
//!
//! Who wins is for timestamps to say; Cassandra never tells, so a stale row write is done like any
//! other. Rows carry no request: that two requests have one version is found at the documents of
//! the same decision.

use super::Unit;
use crate::{
    cell::{Cell, LONGEST_TTL, to_cql},
    classify::CassandraFailure,
    session::SessionConnection,
    shape::{RowShape, RowShapes},
};
use event_schema::mutation::{RowAction, RowKey};
use runtime::{Clock, SystemClock};
use std::{collections::HashMap, sync::Arc};
use store::{ItemVerdict, RowWrite, cell::Misfit, document::Write, schema::ColumnType};

pub(crate) async fn row_units<'a>(
    connection: &SessionConnection,
    shapes: &RowShapes,
    writes: &'a [Write],
    units: &mut Vec<Unit<'a>>,
    verdicts: &mut [Option<ItemVerdict>],
) {
    let now = SystemClock.now();
    let mut known: HashMap<&str, Result<Arc<RowShape>, CassandraFailure>> = HashMap::new();
    for (item, write) in writes.iter().enumerate() {
        let Write::Row(row) = write else { continue };
        let table = row.key().table.as_str();
        if !known.contains_key(table) {
            known.insert(table, shapes.of(connection, table).await);
        }
        if let Some(Ok(shape)) = known.get(table)
            && row
                .mutation
                .cells
                .keys()
                .any(|name| shape.cell(name).is_none())
        {
            // The table may have grown since it was read.
            shapes.forget(table);
            known.insert(table, shapes.of(connection, table).await);
        }
        let unit = match &known[table] {
            Ok(shape) => row_unit(shape, item, row, now).map_err(|misfit| {
                ItemVerdict::permanent("misfit", format!("row {}: {misfit}", row.key()))
            }),
            Err(failure) => Err(failure.clone().into_verdict()),
        };
        match unit {
            Ok(unit) => units.extend(unit),
            Err(verdict) => verdicts[item] = Some(verdict),
        }
    }
}

fn row_unit(
    shape: &RowShape,
    item: usize,
    row: &RowWrite,
    now: i64,
) -> Result<Option<Unit<'static>>, Misfit> {
    let fitted = store::cell::fit_mutation(&shape.table, &row.mutation)?;
    let cells = bound_cells(shape, &fitted.cells);
    let key = bound_key(shape, fitted.key);
    let mut partition = Vec::new();
    key.iter()
        .take(shape.table.partition_key.len())
        .for_each(|cell| cell.identify(&mut partition));
    let at = row.version.timestamp(row.step);
    let ttl = row.mutation.expires.map(|deadline| {
        (deadline - now).div_euclid(1_000) + i64::from((deadline - now) % 1_000 != 0)
    });
    let gone = ttl.is_some_and(|ttl| ttl <= 0);
    let ttl = Cell::int(ttl.map_or(0, |ttl| ttl.clamp(1, LONGEST_TTL)) as i32);
    let delete = |at: i64| {
        (
            Arc::clone(&shape.delete),
            std::iter::once(Cell::timestamp(at))
                .chain(key.iter().cloned())
                .collect::<Vec<_>>(),
        )
    };
    let insert = |cells: Vec<Cell<'static>>, ttl: Cell<'static>| {
        let values = key
            .iter()
            .cloned()
            .chain(cells)
            .chain([Cell::timestamp(at), ttl])
            .collect::<Vec<_>>();
        (Arc::clone(&shape.insert), values)
    };
    let statements = match row.mutation.action {
        RowAction::Remove => vec![delete(at)],
        RowAction::Put if gone => vec![delete(at)],
        RowAction::Put => vec![delete(at - 1), insert(cells, ttl)],
        RowAction::Merge if gone => {
            let Some(update) = &shape.update else {
                return Ok(None);
            };
            let cleared = cells.into_iter().map(|cell| {
                if cell == Cell::Unset {
                    cell
                } else {
                    Cell::Null
                }
            });
            let values = [Cell::timestamp(at), Cell::int(0)]
                .into_iter()
                .chain(cleared)
                .chain(key.iter().cloned())
                .collect();
            vec![(Arc::clone(update), values)]
        }
        RowAction::Merge => vec![insert(cells, ttl)],
    };
    Ok(Some(Unit::new(item, partition, statements)))
}

/// All key columns in the table's order.
pub(crate) fn bind_key(shape: &RowShape, key: &RowKey) -> Result<Vec<Cell<'static>>, Misfit> {
    Ok(bound_key(shape, store::cell::fit_key(&shape.table, key)?))
}

fn bound_key(shape: &RowShape, values: Vec<serde_json::Value>) -> Vec<Cell<'static>> {
    shape
        .table
        .key()
        .zip(values)
        .map(|(name, value)| bound_cell(shape.kind(name), Some(&value)))
        .collect()
}

/// All cells in the table's order; what the row does not name is unset.
fn bound_cells(
    shape: &RowShape,
    named: &[(String, Option<serde_json::Value>)],
) -> Vec<Cell<'static>> {
    let mut cells = vec![Cell::Unset; shape.cells.len()];
    for (name, value) in named {
        if let Some(n) = shape.cell(name) {
            cells[n] = bound_cell(shape.kind(name), value.as_ref());
        }
    }
    cells
}

fn bound_cell(kind: Option<&ColumnType>, value: Option<&serde_json::Value>) -> Cell<'static> {
    kind.zip(value)
        .and_then(|(kind, value)| to_cql(kind, value))
        .map_or(Cell::Null, Cell::Value)
}
