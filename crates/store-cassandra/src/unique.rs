//! Unique values: one cell under each name, only ever written by lightweight transactions, so that no
//! timestamp of ours or of a wall clock decides who has it.

use crate::{
    conditional::{ConditionalOutcome, run_conditionally},
    read::{damaged_error, query_rows},
    session::SessionConnection,
};
use futures::future::try_join_all;
use store::{StoreError, Swapped};

pub(crate) async fn read_holders(
    connection: &SessionConnection,
    names: &[String],
) -> Result<Vec<Option<String>>, StoreError> {
    let select = format!(
        "SELECT holder FROM {} WHERE name = ?",
        connection.table("unique_values")
    );
    let select = &select;
    let one = |name| async move {
        let rows = query_rows(connection, select, (name,)).await?;
        let found = rows.maybe_first_row::<(String,)>().map_err(damaged_error)?;
        Ok::<_, StoreError>(found.map(|(holder,)| holder))
    };
    try_join_all(names.iter().map(one)).await
}

/// What leaves nothing of replaced texts in a server's files. No server is reached from here to do
/// it, and each replica has files of its own.
pub(crate) fn purge_commands(connection: &SessionConnection) -> Vec<String> {
    let keyspace = connection.keyspace();
    vec![
        // The commit log's segments are given up once nothing in memory needs them.
        "nodetool flush".to_owned(),
        format!("nodetool garbagecollect -g CELL {keyspace} unique_values"),
        // What lightweight transactions agreed on last is kept here as well.
        "nodetool compact system paxos".to_owned(),
        format!("nodetool clearsnapshot --all {keyspace}"),
    ]
}

/// In the order of their tokens.
pub(crate) async fn list_names(
    connection: &SessionConnection,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let table = connection.table("unique_values");
    let most = i32::try_from(limit).unwrap_or(i32::MAX);
    let found = match after {
        None => {
            query_rows(
                connection,
                &format!("SELECT name FROM {table} LIMIT ?"),
                (most,),
            )
            .await?
        }
        Some(after) => {
            let select = format!("SELECT name FROM {table} WHERE token(name) > token(?) LIMIT ?");
            query_rows(connection, &select, (after, most)).await?
        }
    };
    let rows = found.rows::<(String,)>().map_err(damaged_error)?;
    rows.map(|row| row.map(|(name,)| name).map_err(damaged_error))
        .collect()
}

/// A time-out leaves open whether it was done: asked again, the answer then says what stands, which
/// may be `new` itself.
pub(crate) async fn swap_holder(
    connection: &SessionConnection,
    name: &str,
    was: Option<&str>,
    new: &str,
) -> Result<Swapped, StoreError> {
    let table = connection.table("unique_values");
    let answer = match was {
        None => {
            let insert = format!("INSERT INTO {table} (name, holder) VALUES (?, ?) IF NOT EXISTS");
            run_conditionally(connection, &insert, (name, new), "holder").await?
        }
        Some(was) => {
            let update = format!("UPDATE {table} SET holder = ? WHERE name = ? IF holder = ?");
            run_conditionally(connection, &update, (new, name, was), "holder").await?
        }
    };
    Ok(match answer {
        ConditionalOutcome::Failed(stands) if stands.as_deref() != Some(new) => {
            Swapped::Stands(stands)
        }
        ConditionalOutcome::Failed(_) | ConditionalOutcome::Held => Swapped::Done,
    })
}
