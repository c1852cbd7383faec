//! A row's columns as a query of the file hands them out; what they mean is the state's matter.

use super::Stored;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// A row's columns, if it was ever written.
pub(crate) fn read_row(
    connection: &Connection,
    number: i64,
    key: &str,
) -> rusqlite::Result<Option<Stored>> {
    const GET: &str = "SELECT newest, cleared, marker, expires, cells, older FROM rows WHERE number = ? AND key = ?";
    connection
        .prepare_cached(GET)?
        .query_row(params![number, key], |row| stored_row(row, 0))
        .optional()
}

/// A row of a query whose columns are a row's from `first` on.
pub(crate) fn stored_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Stored> {
    Ok(Stored {
        newest: row.get(first)?,
        cleared: row.get(first + 1)?,
        marker: row.get(first + 2)?,
        expires: row.get(first + 3)?,
        cells: row.get(first + 4)?,
        older: row.get(first + 5)?,
    })
}
