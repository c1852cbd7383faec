//! What is remembered beside documents and rows: verdicts, claims, marks, collections.
//!
//! A verdict and a mark are one cell each, so that two writes of one timestamp cannot mix. Claims
//! and collections are taken by `IF NOT EXISTS`, whose timestamps are wall clocks: their tables
//! must never see a timestamped write.

use crate::{
    STORE,
    apply::{Unit, send_units},
    cell::{Cell, LONGEST_TTL},
    classify::CassandraFailure,
    conditional::{CONDITION_ATTEMPTS, ConditionalOutcome, run_condition, run_conditionally},
    read::{damaged_error, query_rows},
    session::SessionConnection,
};
use event_schema::{
    decision::Mark,
    envelope::Claim,
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
    position::Version,
};
use futures::{StreamExt, TryStreamExt, stream};
use runtime::{Clock, SystemClock};
use scylla::value::CqlValue;
use std::sync::Arc;
use store::{ClaimOutcome, Collection, ItemVerdict, StoreError, record::CLAIM_KEPT_MS};

pub(crate) async fn write_entries(
    connection: &SessionConnection,
    entries: &[LedgerEntry],
) -> Vec<ItemVerdict> {
    let text = format!(
        "INSERT INTO {} (request, entry) VALUES (?, ?) USING TIMESTAMP ? AND TTL ?",
        connection.table("ledger")
    );
    let insert = match connection.prepare(&text).await {
        Ok(insert) => insert,
        Err(failure) => return vec![failure.into_verdict(); entries.len()],
    };
    let days = connection.config().ledger_days;
    let units = entries.iter().enumerate().map(|(item, entry)| {
        let key = entry.request.unique().to_vec();
        let json = serde_json::to_string(entry).expect("an entry is made of JSON types");
        let values = vec![
            Cell::Value(CqlValue::Blob(key.clone())),
            Cell::Value(CqlValue::Text(json)),
            Cell::timestamp(entry.version.timestamp(0)),
            Cell::int(kept_seconds(&entry.verdict, days)),
        ];
        Unit::new(item, key, vec![(Arc::clone(&insert), values)])
    });
    send_units(connection, units.collect(), entries.len()).await
}

/// For how long an entry is kept; 0: for ever, as is what still waits for a person.
fn kept_seconds(verdict: &Verdict, days: Option<u32>) -> i32 {
    let days = days.filter(|_| verdict.is_final());
    days.map_or(0, |days| (i64::from(days) * 86_400).clamp(1, LONGEST_TTL)) as i32
}

pub(crate) async fn read_entries(
    connection: &SessionConnection,
    requests: &[RequestId],
) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
    let text = &format!(
        "SELECT entry FROM {} WHERE request = ?",
        connection.table("ledger")
    );
    let one = |request: &RequestId| {
        let request = *request;
        async move {
            let rows = query_rows(connection, text, (request.unique().to_vec(),)).await?;
            let found = rows.maybe_first_row::<(&str,)>().map_err(damaged_error)?;
            found
                .map(|(json,)| {
                    serde_json::from_str(json)
                        .map_err(|e| damaged_error(format_args!("ledger, {request}: {e}")))
                })
                .transpose()
        }
    };
    let reads: Vec<_> = requests.iter().map(one).collect();
    stream::iter(reads)
        .buffered(connection.config().in_flight)
        .try_collect()
        .await
}

/// Unix milliseconds.
fn now_millis() -> i64 {
    SystemClock.now()
}

/// Whole seconds, as Cassandra takes them.
fn time_to_live(millis: i64) -> i32 {
    (millis + 999).div_euclid(1_000).clamp(1, LONGEST_TTL) as i32
}

/// Expires to the second.
pub(crate) async fn keep_text(
    connection: &SessionConnection,
    name: &str,
    text: &str,
    until: i64,
) -> Result<(), StoreError> {
    let insert = format!(
        "INSERT INTO {} (name, text) VALUES (?, ?) USING TTL ?",
        connection.table("texts")
    );
    let values = (name, text, time_to_live(until - now_millis()));
    let kept = connection.run(&insert, values).await;
    kept.map(drop).map_err(CassandraFailure::into_error)
}

pub(crate) async fn kept_text(
    connection: &SessionConnection,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let select = format!(
        "SELECT text FROM {} WHERE name = ?",
        connection.table("texts")
    );
    let rows = query_rows(connection, &select, (name,)).await?;
    let found = rows.maybe_first_row::<(String,)>().map_err(damaged_error)?;
    Ok(found.map(|(text,)| text))
}

pub(crate) async fn take_claim(
    connection: &SessionConnection,
    claim: &Claim,
    request: &RequestId,
) -> Result<ClaimOutcome, StoreError> {
    let seconds = time_to_live((claim.until - now_millis()).max(CLAIM_KEPT_MS));
    let text = format!(
        "INSERT INTO {} (key, request) VALUES (?, ?) IF NOT EXISTS USING TTL ?",
        connection.table("claims")
    );
    let values = (&claim.key, request.to_string(), seconds);
    let holder = taken_by(connection, &text, values, "request").await?;
    let Some(holder) = holder else {
        return Ok(ClaimOutcome::Ours);
    };
    let holder = RequestId::parse_trusted(&holder)
        .map_err(|e| damaged_error(format_args!("claim {}: {e}", claim.key)))?;
    Ok(if holder == *request {
        ClaimOutcome::Ours
    } else {
        ClaimOutcome::Theirs(holder)
    })
}

/// Runs an `INSERT … IF NOT EXISTS`: nothing if it was taken now, otherwise the named column of the
/// row that stands.
async fn taken_by(
    connection: &SessionConnection,
    text: &str,
    values: impl scylla::serialize::row::SerializeRow,
    column: &str,
) -> Result<Option<String>, StoreError> {
    match run_conditionally(connection, text, values, column).await? {
        ConditionalOutcome::Held => Ok(None),
        ConditionalOutcome::Failed(Some(text)) => Ok(Some(text)),
        ConditionalOutcome::Failed(None) => Err(damaged_error(format_args!(
            "a row was refused because another stands, but that has no {column}"
        ))),
    }
}

/// The version at `through` makes the timestamp, so an older mark cannot replace a newer one, and
/// like all of ours it lies above any wall clock: a row touched by hand does not shadow marks.
/// Between marks of one `through` the larger cell stands: the epoch and then `next`, both of fixed width, come before
/// the mark itself.
pub(crate) async fn set_mark(
    connection: &SessionConnection,
    mark: &Mark,
) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO {} (generation, partition, mark) VALUES (?, ?, ?) USING TIMESTAMP ?",
        connection.table("marks")
    );
    let json = serde_json::to_string(mark).expect("a mark is made of JSON types");
    let cell = format!(
        "{:016x} {:016x} {json}",
        mark.epoch.opened_at().get(),
        mark.next.get()
    );
    let values = (
        i32::from(mark.generation),
        i32::from(mark.partition),
        cell,
        Version::new(mark.generation, mark.through).timestamp(0),
    );
    connection
        .run(&text, values)
        .await
        .map(drop)
        .map_err(CassandraFailure::into_error)
}

pub(crate) async fn read_mark(
    connection: &SessionConnection,
    generation: u16,
    partition: u16,
) -> Result<Option<Mark>, StoreError> {
    let text = format!(
        "SELECT mark FROM {} WHERE generation = ? AND partition = ?",
        connection.table("marks")
    );
    let rows = query_rows(
        connection,
        &text,
        (i32::from(generation), i32::from(partition)),
    )
    .await?;
    let found = rows.maybe_first_row::<(&str,)>().map_err(damaged_error)?;
    let parse = |cell: &str| {
        let json = cell
            .splitn(3, ' ')
            .nth(2)
            .ok_or_else(|| damaged_error(format_args!("mark of partition {partition}: {cell}")))?;
        serde_json::from_str(json)
            .map_err(|e| damaged_error(format_args!("mark of partition {partition}: {e}")))
    };
    found.map(|(cell,)| parse(cell)).transpose()
}

pub(crate) async fn create_collection(
    connection: &SessionConnection,
    collection: &Collection,
) -> Result<Collection, StoreError> {
    let name = connection.table("collections");
    let text = format!(
        "INSERT INTO {name} (\"index\", collection, definition) VALUES (?, ?, ?) IF NOT EXISTS"
    );
    let json = serde_json::to_string(collection).expect("a collection is made of JSON types");
    match taken_by(
        connection,
        &text,
        (&collection.index, &collection.collection, json),
        "definition",
    )
    .await?
    {
        None => Ok(collection.clone()),
        Some(standing) => parse_collection(&standing),
    }
}

pub(crate) async fn read_collection(
    connection: &SessionConnection,
    index: &str,
    collection: &str,
) -> Result<Option<Collection>, StoreError> {
    let text = format!(
        "SELECT definition FROM {} WHERE \"index\" = ? AND collection = ?",
        connection.table("collections")
    );
    let rows = query_rows(connection, &text, (index, collection)).await?;
    let found = rows.maybe_first_row::<(&str,)>().map_err(damaged_error)?;
    found.map(|(json,)| parse_collection(json)).transpose()
}

pub(crate) async fn read_collections(
    connection: &SessionConnection,
) -> Result<Vec<Collection>, StoreError> {
    let text = format!("SELECT definition FROM {}", connection.table("collections"));
    let statement = connection
        .prepare(&text)
        .await
        .map_err(CassandraFailure::into_error)?;
    let session = connection
        .session()
        .await
        .map_err(CassandraFailure::into_error)?;
    let unavailable = |why: String| StoreError::Unavailable { store: STORE, why };
    let pages = session
        .execute_iter((*statement).clone(), ())
        .await
        .map_err(|e| unavailable(e.to_string()))?;
    let mut rows = pages.rows_stream::<(String,)>().map_err(damaged_error)?;
    let mut all = Vec::new();
    while let Some((json,)) = rows
        .try_next()
        .await
        .map_err(|e| unavailable(e.to_string()))?
    {
        all.push(parse_collection(&json)?);
    }
    Ok(all)
}

/// The definition that stands, if it is of this incarnation: changes are made on the condition that
/// it still does. Read with the consistency of conditional writes, so that one that is under way is
/// seen.
async fn standing_definition(
    connection: &SessionConnection,
    index: &str,
    collection: &str,
    incarnation: &str,
) -> Result<Option<String>, StoreError> {
    let stands = read_definition(connection, index, collection).await?;
    Ok(stands.filter(|json| {
        parse_collection(json).is_ok_and(|stands| stands.incarnation == incarnation)
    }))
}

async fn read_definition(
    connection: &SessionConnection,
    index: &str,
    collection: &str,
) -> Result<Option<String>, StoreError> {
    let text = format!(
        "SELECT definition FROM {} WHERE \"index\" = ? AND collection = ?",
        connection.table("collections")
    );
    let mut statement = (*connection
        .prepare(&text)
        .await
        .map_err(CassandraFailure::into_error)?)
    .clone();
    statement.set_consistency(scylla::statement::Consistency::LocalSerial);
    let answer = connection
        .execute(&statement, (index, collection))
        .await
        .map_err(CassandraFailure::into_error)?;
    let rows = answer.into_rows_result().map_err(damaged_error)?;
    let found = rows.maybe_first_row::<(String,)>().map_err(damaged_error)?;
    Ok(found.map(|(json,)| json))
}

pub(crate) async fn replace_collection(
    connection: &SessionConnection,
    collection: &Collection,
    was: &Collection,
) -> Result<bool, StoreError> {
    let wanted = serde_json::to_string(collection).expect("a collection is made of JSON types");
    let name = connection.table("collections");
    let text = format!(
        "UPDATE {name} SET definition = ? WHERE \"index\" = ? AND collection = ? IF definition = ?"
    );
    let (index, name) = (&collection.index, &collection.collection);
    for _ in 0..CONDITION_ATTEMPTS {
        let Some(stands) = read_definition(connection, index, name).await? else {
            return Ok(false);
        };
        if stands == wanted {
            return Ok(true);
        }
        if parse_collection(&stands)? != *was {
            return Ok(false);
        }
        if run_condition(connection, &text, (&wanted, index, name, &stands)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) async fn drop_collection(
    connection: &SessionConnection,
    index: &str,
    collection: &str,
    incarnation: &str,
) -> Result<bool, StoreError> {
    let text = format!(
        "DELETE FROM {} WHERE \"index\" = ? AND collection = ? IF definition = ?",
        connection.table("collections")
    );
    for _ in 0..CONDITION_ATTEMPTS {
        let Some(stands) = standing_definition(connection, index, collection, incarnation).await?
        else {
            return Ok(false);
        };
        if run_condition(connection, &text, (index, collection, &stands)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn parse_collection(json: &str) -> Result<Collection, StoreError> {
    serde_json::from_str(json)
        .map_err(|e| damaged_error(format_args!("a collection's definition: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_schema::outcome::{DeadReason, Parked};

    #[test]
    fn what_waits_for_a_person_is_never_forgotten() {
        assert_eq!(kept_seconds(&Verdict::Applied, Some(2)), 172_800);
        assert_eq!(kept_seconds(&Verdict::Applied, None), 0);
        let dead = Verdict::DeadLettered(DeadReason {
            code: "c".into(),
            message: String::new(),
            store: None,
        });
        assert_eq!(kept_seconds(&dead, Some(2)), 0);
        let request = "r1AQABAAABoiKog05_xLUMY7ROyZKZszfhpVII";
        let behind = RequestId::parse_trusted(request).unwrap();
        assert_eq!(
            kept_seconds(&Verdict::Parked(Parked { behind }), Some(2)),
            0
        );
    }
}
