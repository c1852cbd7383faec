//! Unique values: one cell under each name, only ever written by lightweight transactions, so that no
//! timestamp of ours or of a wall clock decides who has it.

use crate::{
    classify::CassandraFailure,
    ledger::CLAIM_ATTEMPTS,
    read::{ask, damaged},
    session::SessionConnection,
};
use futures::future::try_join_all;
use scylla::value::CqlValue;
use store::{StoreError, Swapped};

pub(crate) async fn held(
    connection: &SessionConnection,
    names: &[String],
) -> Result<Vec<Option<String>>, StoreError> {
    let select = format!(
        "SELECT holder FROM {} WHERE name = ?",
        connection.table("unique_values")
    );
    let select = &select;
    let one = |name| async move {
        let rows = ask(connection, select, (name,)).await?;
        let found = rows.maybe_first_row::<(String,)>().map_err(damaged)?;
        Ok::<_, StoreError>(found.map(|(holder,)| holder))
    };
    try_join_all(names.iter().map(one)).await
}

/// A time-out leaves open whether it was done: asked again, the answer then says what stands, which
/// may be `new` itself.
pub(crate) async fn swap(
    connection: &SessionConnection,
    name: &str,
    was: Option<&str>,
    new: &str,
) -> Result<Swapped, StoreError> {
    let table = connection.table("unique_values");
    let mut attempt = 1;
    let answer = loop {
        let answer = match was {
            None => {
                let insert =
                    format!("INSERT INTO {table} (name, holder) VALUES (?, ?) IF NOT EXISTS");
                connection.run(&insert, (name, new)).await
            }
            Some(was) => {
                let update = format!("UPDATE {table} SET holder = ? WHERE name = ? IF holder = ?");
                connection.run(&update, (new, name, was)).await
            }
        };
        match answer {
            Err(CassandraFailure::Transient(_)) if attempt < CLAIM_ATTEMPTS => attempt += 1,
            other => break other.map_err(CassandraFailure::into_error)?,
        }
    };
    let rows = answer.into_rows_result().map_err(damaged)?;
    let position = rows.column_specs().get_by_name("holder").map(|(n, _)| n);
    let row = rows.single_row::<scylla::value::Row>().map_err(damaged)?;
    if let Some(Some(CqlValue::Boolean(true))) = row.columns.first() {
        return Ok(Swapped::Done);
    }
    let stands = match position.and_then(|n| row.columns.get(n)) {
        Some(Some(CqlValue::Text(text))) => Some(text.clone()),
        _ => None,
    };
    match stands.as_deref() == Some(new) {
        true => Ok(Swapped::Done),
        false => Ok(Swapped::Stands(stands)),
    }
}
