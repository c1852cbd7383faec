//! Is Cassandra there and prepared, and which of its settings weaken a promise. Looks, never mends.

use crate::{
    classify::CassandraFailure,
    config::Consistency,
    read::{damaged_error, query_rows},
    schema,
    session::SessionConnection,
};
use std::{collections::BTreeMap, time::Duration};
use store::{StoreError, schema::Weakness};

/// What a node that syncs its commit log now and then may lose at least: a minute is more than what
/// was seen, and cheap to apply again.
const FORGETS_AT_LEAST: Duration = Duration::from_secs(60);

/// Reads one row that is not there of each of our own tables: that needs the keyspace, the tables,
/// and enough nodes.
pub(crate) async fn check_ready(connection: &SessionConnection) -> Result<(), StoreError> {
    for name in schema::own_names() {
        connection
            .prepare_again(&format!("SELECT * FROM {}", connection.table(&name)))
            .await
            .map_err(CassandraFailure::into_error)?;
    }
    let text = format!(
        "SELECT mark FROM {} WHERE generation = ? AND partition = ?",
        connection.table("marks")
    );
    query_rows(connection, &text, (-1, -1)).await.map(drop)
}

pub(crate) async fn find_weaknesses(
    connection: &SessionConnection,
) -> Result<Vec<Weakness>, StoreError> {
    let mut found = Vec::new();
    let copies = fewest_copies(connection).await?;
    if copies < 3 {
        found.push(Weakness {
            setting: format!("replication of keyspace {}", connection.config().keyspace),
            found: copies.to_string(),
            wanted: "3".to_owned(),
            consequence: "with a node goes what it holds, or the writes to it stop".to_owned(),
        });
    }
    if let Some(sync) = periodic_sync(connection).await?
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

/// What a killed node may have acknowledged and not kept, where no other copy has it.
pub(crate) async fn may_forget(
    connection: &SessionConnection,
) -> Result<Option<Duration>, StoreError> {
    if periodic_sync(connection).await?.is_none() || fewest_copies(connection).await? >= 3 {
        return Ok(None);
    }
    let period = read_setting(connection, "commitlog_sync_period").await?;
    let period = period
        .as_deref()
        .and_then(parse_duration)
        .unwrap_or_default();
    Ok(Some(FORGETS_AT_LEAST.max(period * 3)))
}

/// The setting's value, where the commit log is synced now and then.
async fn periodic_sync(connection: &SessionConnection) -> Result<Option<String>, StoreError> {
    let sync = read_setting(connection, "commitlog_sync").await?;
    Ok(sync.filter(|sync| sync.eq_ignore_ascii_case("periodic")))
}

/// A duration as the server spells it: `10s`, `10000ms`.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().ok()?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "d" => Duration::from_secs(86_400),
        _ => return None,
    };
    unit.checked_mul(number)
}

/// The guardrail that refuses timestamps which lie too far ahead of the server's clock. All of ours
/// lie a century ahead, so that no clock competes with them. (Its counterpart for timestamps that
/// lie too far back cannot meet one of ours.)
pub(crate) const TIMESTAMP_GUARDRAIL: &str = "maximum_timestamp_fail_threshold";

pub(crate) async fn check_settings(connection: &SessionConnection) -> Result<(), StoreError> {
    let found = read_setting(connection, TIMESTAMP_GUARDRAIL).await?;
    match found.filter(|found| is_set(found)) {
        None => Ok(()),
        Some(found) => Err(StoreError::Refused {
            store: crate::STORE,
            why: format!(
                "`{TIMESTAMP_GUARDRAIL}` is `{found}`: timestamps here are versions and lie above any clock, so the server would refuse every write of a user that is no superuser. Unset it in cassandra.yaml"
            ),
        }),
    }
}

fn is_set(value: &str) -> bool {
    !value.trim().is_empty() && !value.eq_ignore_ascii_case("null")
}

/// The fewest copies that any datacenter has.
async fn fewest_copies(connection: &SessionConnection) -> Result<u16, StoreError> {
    let name = &connection.config().keyspace;
    let rows = query_rows(
        connection,
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
        (name,),
    )
    .await?;
    let Some((options,)) = rows
        .maybe_first_row::<(BTreeMap<String, String>,)>()
        .map_err(damaged_error)?
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

async fn read_setting(
    connection: &SessionConnection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let text = "SELECT value FROM system_views.settings WHERE name = ?";
    match connection.run(text, (name,)).await {
        Ok(answer) => {
            let rows = answer.into_rows_result().map_err(damaged_error)?;
            Ok(rows
                .maybe_first_row::<(Option<String>,)>()
                .map_err(damaged_error)?
                .and_then(|(value,)| value))
        }
        // Older servers and other makes have no such view: nothing can be said.
        Err(CassandraFailure::NotPrepared(_) | CassandraFailure::Permanent { .. }) => Ok(None),
        Err(failure) => Err(failure.into_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_server_spells_them() {
        for (text, seconds) in [("10s", 10), ("10000ms", 10), ("2m", 120), ("1d", 86_400)] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in ["", "10", "s", "10 s", "-1s", "10y"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_guardrail_is_set_when_it_has_a_value() {
        assert!(is_set("1d") && is_set("0ms"));
        assert!(!is_set("") && !is_set(" ") && !is_set("null"));
    }
}
