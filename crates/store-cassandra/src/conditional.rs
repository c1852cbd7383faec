//! Lightweight transactions: writes with a condition, and what they came to. Their timestamps are of
//! the servers, so that no row that they touch may ever be written with a timestamp of ours.

use crate::{classify::CassandraFailure, read::damaged_error, session::SessionConnection};
use scylla::{
    response::query_result::QueryRowsResult,
    serialize::row::SerializeRow,
    value::{CqlValue, Row},
};
use store::StoreError;

/// Contention ends a transaction with a time-out of unknown outcome now and then; asking again is
/// safe, because who has it gets it.
pub(crate) const CONDITION_ATTEMPTS: usize = 4;

/// What a conditional write came to.
pub(crate) enum ConditionalOutcome<T = String> {
    /// It was written.
    Held,
    /// It was not; the named column as it stands, where there is one.
    Failed(Option<T>),
}

/// Runs a lightweight transaction. A time-out leaves open whether it was done: asked again, the
/// answer then may be what this very call has written.
pub(crate) async fn run_conditionally(
    connection: &SessionConnection,
    text: &str,
    values: impl SerializeRow,
    column: &str,
) -> Result<ConditionalOutcome, StoreError> {
    let text_of = |value| match value {
        CqlValue::Text(text) => Some(text),
        _ => None,
    };
    run_for_column(connection, text, values, column, text_of).await
}

/// The same for a column of bytes.
pub(crate) async fn run_for_bytes(
    connection: &SessionConnection,
    text: &str,
    values: impl SerializeRow,
    column: &str,
) -> Result<ConditionalOutcome<Vec<u8>>, StoreError> {
    let bytes_of = |value| match value {
        CqlValue::Blob(bytes) => Some(bytes),
        _ => None,
    };
    run_for_column(connection, text, values, column, bytes_of).await
}

async fn run_for_column<T>(
    connection: &SessionConnection,
    text: &str,
    values: impl SerializeRow,
    column: &str,
    read: impl FnOnce(CqlValue) -> Option<T>,
) -> Result<ConditionalOutcome<T>, StoreError> {
    let mut attempt = 1;
    let answer = loop {
        match connection.run(text, &values).await {
            Err(CassandraFailure::Transient(_)) if attempt < CONDITION_ATTEMPTS => attempt += 1,
            other => break other.map_err(CassandraFailure::into_error)?,
        }
    };
    let rows = answer.into_rows_result().map_err(damaged_error)?;
    let position = rows.column_specs().get_by_name(column).map(|(n, _)| n);
    let mut row = only_row(&rows)?;
    if has_held(&row) {
        return Ok(ConditionalOutcome::Held);
    }
    let found = position.and_then(|n| row.columns.get_mut(n)?.take());
    Ok(ConditionalOutcome::Failed(found.and_then(read)))
}

/// Runs a write with a condition: did it hold? Not tried again where that is not known: then what
/// stands must be looked at anew.
pub(crate) async fn run_condition(
    connection: &SessionConnection,
    text: &str,
    values: impl SerializeRow,
) -> Result<bool, StoreError> {
    let answer = connection.run(text, values).await;
    let answer = answer.map_err(CassandraFailure::into_error)?;
    let rows = answer.into_rows_result().map_err(damaged_error)?;
    Ok(has_held(&only_row(&rows)?))
}

fn only_row(rows: &QueryRowsResult) -> Result<Row, StoreError> {
    rows.single_row::<Row>().map_err(damaged_error)
}

fn has_held(row: &Row) -> bool {
    matches!(row.columns.first(), Some(Some(CqlValue::Boolean(true))))
}
