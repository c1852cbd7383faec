//! Is Cassandra there and prepared, and which of its settings weaken a promise. Looks, never mends.

use crate::{
    classify::Failure,
    config::Consistency,
    read::{ask, damaged},
    schema,
    session::Connection,
};
use std::collections::BTreeMap;
use store::{StoreError, schema::Weakness};

/// Reads one row that is not there of each of our own tables: that needs the keyspace, the tables,
/// and enough nodes.
pub(crate) async fn ready(connection: &Connection) -> Result<(), StoreError> {
    for name in schema::own_names() {
        connection
            .prepare_again(&format!("SELECT * FROM {}", connection.table(&name)))
            .await
            .map_err(Failure::into_error)?;
    }
    let text = format!(
        "SELECT mark FROM {} WHERE generation = ? AND partition = ?",
        connection.table("marks")
    );
    ask(connection, &text, (-1, -1)).await.map(drop)
}

pub(crate) async fn weaknesses(connection: &Connection) -> Result<Vec<Weakness>, StoreError> {
    let mut found = Vec::new();
    let copies = copies(connection).await?;
    if copies < 3 {
        found.push(Weakness {
            setting: format!("replication of keyspace {}", connection.config().keyspace),
            found: copies.to_string(),
            wanted: "3".to_owned(),
            consequence: "with a node goes what it holds, or the writes to it stop".to_owned(),
        });
    }
    if let Some(sync) = setting(connection, "commitlog_sync").await?
        && sync.eq_ignore_ascii_case("periodic")
        && copies < 3
    {
        found.push(Weakness {
            setting: "commitlog_sync".to_owned(),
            found: sync,
            wanted: "batch or group".to_owned(),
            consequence: "a killed node forgets writes that it acknowledged just before; the last minute is applied again when it is back"
                .to_owned(),
        });
    }
    if connection.config().consistency == Consistency::LocalOne {
        found.push(Weakness {
            setting: "consistency".to_owned(),
            found: "local_one".to_owned(),
            wanted: "local_quorum".to_owned(),
            consequence: "a read may miss a write that was acknowledged".to_owned(),
        });
    }
    Ok(found)
}

/// The fewest copies that any datacenter has.
async fn copies(connection: &Connection) -> Result<u16, StoreError> {
    let name = &connection.config().keyspace;
    let rows = ask(
        connection,
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
        (name,),
    )
    .await?;
    let Some((options,)) = rows
        .maybe_first_row::<(BTreeMap<String, String>,)>()
        .map_err(damaged)?
    else {
        return Err(StoreError::NotMigrated {
            store: crate::STORE,
            why: format!("there is no keyspace {name}"),
        });
    };
    let counts = options
        .iter()
        .filter(|(key, _)| *key != "class")
        .filter_map(|(_, value)| value.parse().ok());
    Ok(counts.min().unwrap_or(1))
}

async fn setting(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let text = "SELECT value FROM system_views.settings WHERE name = ?";
    match connection.run(text, (name,)).await {
        Ok(answer) => {
            let rows = answer.into_rows_result().map_err(damaged)?;
            Ok(rows
                .maybe_first_row::<(Option<String>,)>()
                .map_err(damaged)?
                .and_then(|(value,)| value))
        }
        // Older servers and other makes have no such view: nothing can be said.
        Err(Failure::NotPrepared(_) | Failure::Permanent { .. }) => Ok(None),
        Err(failure) => Err(failure.into_error()),
    }
}
