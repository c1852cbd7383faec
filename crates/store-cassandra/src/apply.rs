//! Writes and their verdicts. Every statement carries the timestamp of its version, so order of
//! arrival means nothing here; this file only decides what travels together and what must be looked
//! at first.

mod documents;
mod rows;
mod send;

pub(crate) use documents::Floors;
pub(crate) use rows::bind_key;

use crate::{cell::Cell, session::SessionConnection, shape::RowShapes};
use scylla::statement::prepared::PreparedStatement;
use std::sync::Arc;
use store::{ItemVerdict, document::Write};

/// The statements of one write, all on one partition.
pub(crate) struct Unit<'a> {
    /// Which write of the batch.
    pub(crate) item: usize,
    /// Tells its partition from others.
    pub(crate) partition: Vec<u8>,
    pub(crate) size: usize,
    pub(crate) statements: Vec<(Arc<PreparedStatement>, Vec<Cell<'a>>)>,
}

impl<'a> Unit<'a> {
    pub(crate) fn new(
        item: usize,
        partition: Vec<u8>,
        statements: Vec<(Arc<PreparedStatement>, Vec<Cell<'a>>)>,
    ) -> Self {
        // 70 bytes: what Cassandra itself adds to a row when it weighs a batch.
        let size = statements
            .iter()
            .map(|(_, values)| 70 + values.iter().map(Cell::size).sum::<usize>())
            .sum();
        Self {
            item,
            partition,
            size,
            statements,
        }
    }
}

pub(crate) async fn apply_writes(
    connection: &SessionConnection,
    shapes: &RowShapes,
    floors: &Floors,
    writes: &[Write],
) -> Vec<ItemVerdict> {
    let mut verdicts: Vec<Option<ItemVerdict>> = vec![None; writes.len()];
    let mut units = Vec::with_capacity(writes.len());
    documents::document_units(connection, floors, writes, &mut units, &mut verdicts).await;
    rows::row_units(connection, shapes, writes, &mut units, &mut verdicts).await;
    send::send_units(connection, units, &mut verdicts).await;
    verdicts
        .into_iter()
        .map(|verdict| verdict.unwrap_or(ItemVerdict::Done))
        .collect()
}

/// Sends units that belong to no `Write` (the ledger's), one verdict per unit's item.
pub(crate) async fn send_units(
    connection: &SessionConnection,
    units: Vec<Unit<'_>>,
    count: usize,
) -> Vec<ItemVerdict> {
    let mut verdicts = vec![None; count];
    send::send_units(connection, units, &mut verdicts).await;
    verdicts
        .into_iter()
        .map(|verdict| verdict.unwrap_or(ItemVerdict::Done))
        .collect()
}
