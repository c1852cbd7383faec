//! Keyspace and tables: made where they are missing, compared where they stand. A table gets columns
//! that it does not have; nothing that is there is changed or dropped. What differs is named for a
//! person to mend.

use crate::{
    STORE,
    cell::cql_type,
    classify::CassandraFailure,
    read::query_rows,
    session::{SessionConnection, quoted_name},
    shape,
};
use event_schema::held;
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};
use store::{
    StoreError,
    schema::{MigrationReport, Table},
};

/// Making a table takes Cassandra longer than any write.
const PATIENCE: Duration = Duration::from_secs(60);

/// A table as Cassandra is asked for it.
struct WantedTable {
    name: String,
    partition_key: Vec<String>,
    clustering: Vec<String>,
    /// (name, CQL type).
    columns: Vec<(String, String)>,
    indexes: Vec<String>,
}

fn own_tables() -> Vec<WantedTable> {
    let wanted = |name: &str,
                  partition_key: &[&str],
                  clustering: &[&str],
                  columns: &[(&str, &str)]| WantedTable {
        name: name.to_owned(),
        partition_key: partition_key
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        clustering: clustering.iter().map(|name| (*name).to_owned()).collect(),
        columns: columns
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
            .collect(),
        indexes: Vec::new(),
    };
    let documents = [
        ("index", "text"),
        ("collection", "text"),
        ("incarnation", "text"),
        ("id", "text"),
        ("body", "text"),
        ("version", "bigint"),
        ("position", "frozen<tuple<int, int, bigint>>"),
        ("revision", "bigint"),
        ("request", "text"),
        ("deleted", "boolean"),
    ];
    vec![
        // A partition of its own for each document: none grows, and every write of it is one
        // mutation.
        wanted(
            "documents",
            &["index", "collection", "incarnation", "id"],
            &[],
            &documents,
        ),
        wanted(
            "ledger",
            &["request"],
            &[],
            &[("request", "blob"), ("entry", "text")],
        ),
        wanted(
            "marks",
            &["generation", "partition"],
            &[],
            &[
                ("generation", "int"),
                ("partition", "int"),
                ("mark", "text"),
            ],
        ),
        wanted(
            "claims",
            &["key"],
            &[],
            &[("key", "text"), ("request", "text")],
        ),
        wanted(
            "unique_values",
            &["name"],
            &[],
            &[("name", "text"), ("holder", "text")],
        ),
        wanted(
            "texts",
            &["name"],
            &[],
            &[("name", "text"), ("text", "text")],
        ),
        wanted(
            "collections",
            &["index"],
            &["collection"],
            &[
                ("index", "text"),
                ("collection", "text"),
                ("definition", "text"),
            ],
        ),
        wanted(
            "blobs",
            &["name"],
            &[],
            &[("name", "text"), ("bytes", "blob")],
        ),
        wanted(
            "blob_names",
            &["folder"],
            &["name"],
            &[
                ("folder", "text"),
                ("name", "text"),
                ("size", "bigint"),
                ("start", "blob"),
                ("put_at", "timestamp"),
            ],
        ),
    ]
}

/// Names of our own tables, which no catalog may take.
pub(crate) fn own_names() -> Vec<String> {
    let held = held::held_tables().into_iter().map(|table| table.name);
    own_tables()
        .into_iter()
        .map(|table| table.name)
        .chain(held)
        .collect()
}

impl From<&Table> for WantedTable {
    fn from(table: &Table) -> Self {
        Self {
            name: table.name.clone(),
            partition_key: table.partition_key.clone(),
            clustering: table.clustering.clone(),
            columns: table
                .columns
                .iter()
                .map(|column| (column.name.clone(), cql_type(&column.kind)))
                .collect(),
            indexes: table.indexes.clone(),
        }
    }
}

pub(crate) async fn migrate_tables(
    connection: &SessionConnection,
    tables: &[Table],
) -> Result<MigrationReport, StoreError> {
    let mut report = MigrationReport::default();
    make_keyspace(connection, &mut report).await?;
    let taken: HashSet<String> = own_names().into_iter().collect();
    if let Some(table) = tables
        .iter()
        .find(|table| taken.contains(&table.name) || !is_a_name(&table.name))
    {
        let why = format!(
            "table {:?}: the name is taken, or not made of up to 48 letters, digits and `_`",
            table.name
        );
        return Err(StoreError::Refused { store: STORE, why });
    }
    let held = held::held_tables();
    let all = held.iter().chain(tables).map(WantedTable::from);
    for wanted in own_tables().into_iter().chain(all) {
        migrate_table(connection, &wanted, &mut report).await?;
    }
    Ok(report)
}

fn is_a_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 48
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A statement that changes the schema: never prepared, waits until the nodes agree.
async fn change_schema(connection: &SessionConnection, text: String) -> Result<(), StoreError> {
    let session = connection
        .session()
        .await
        .map_err(CassandraFailure::into_error)?;
    let mut statement = scylla::statement::unprepared::Statement::new(text);
    statement.set_request_timeout(Some(PATIENCE));
    statement.set_is_idempotent(true);
    session
        .query_unpaged(statement, ())
        .await
        .map(drop)
        .map_err(|e| crate::classify::executing_failure(&e).into_error())
}

async fn make_keyspace(
    connection: &SessionConnection,
    report: &mut MigrationReport,
) -> Result<(), StoreError> {
    let name = &connection.config().keyspace;
    let wanted = connection.config().replication.options();
    let text = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let rows = query_rows(connection, text, (name,)).await?;
    let standing = rows
        .maybe_first_row::<(BTreeMap<String, String>,)>()
        .map_err(crate::read::damaged_error)?;
    let Some((mut standing,)) = standing else {
        let options: Vec<String> = wanted
            .iter()
            .map(|(key, value)| format!("'{key}': '{value}'"))
            .collect();
        let text = format!(
            "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{{}}}",
            quoted_name(name),
            options.join(", ")
        );
        change_schema(connection, text).await?;
        report.created.push(format!("keyspace {name}"));
        return Ok(());
    };
    if let Some(class) = standing.get_mut("class") {
        *class = class.rsplit('.').next().unwrap_or_default().to_owned();
    }
    if standing == wanted {
        report.unchanged += 1;
    } else {
        report.drift.push(format!(
            "keyspace {name}: replication is {standing:?}, not {wanted:?}"
        ));
    }
    Ok(())
}

async fn migrate_table(
    connection: &SessionConnection,
    wanted: &WantedTable,
    report: &mut MigrationReport,
) -> Result<(), StoreError> {
    let standing = shape::read_columns(connection, &wanted.name)
        .await
        .map_err(CassandraFailure::into_error)?;
    if standing.is_empty() {
        change_schema(connection, create_statement(connection, wanted)).await?;
        report.created.push(format!("table {}", wanted.name));
    } else {
        let added = add_columns(connection, wanted, &standing).await?;
        let drift = compare_columns(wanted, &standing);
        report.unchanged += usize::from(drift.is_empty() && added.is_empty());
        report.created.extend(added);
        report.drift.extend(drift);
        report
            .undeclared
            .extend(undeclared_columns(wanted, &standing));
    }
    make_indexes(connection, wanted, report).await
}

fn create_statement(connection: &SessionConnection, wanted: &WantedTable) -> String {
    let names = |names: &[String]| {
        names
            .iter()
            .map(|name| quoted_name(name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let columns: Vec<String> = wanted
        .columns
        .iter()
        .map(|(name, kind)| format!("{} {kind}", quoted_name(name)))
        .collect();
    let clustering = if wanted.clustering.is_empty() {
        String::new()
    } else {
        format!(", {}", names(&wanted.clustering))
    };
    let key = format!(
        "PRIMARY KEY (({}){clustering})",
        names(&wanted.partition_key)
    );
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}, {key})",
        connection.table(&wanted.name),
        columns.join(", ")
    )
}

/// Adds what is missing beside the key; gives what was added.
async fn add_columns(
    connection: &SessionConnection,
    wanted: &WantedTable,
    standing: &[(String, String, i32, String)],
) -> Result<Vec<String>, StoreError> {
    let mut added = Vec::new();
    for (name, kind) in &wanted.columns {
        let is_key = wanted.partition_key.contains(name) || wanted.clustering.contains(name);
        if is_key || standing.iter().any(|(standing, ..)| standing == name) {
            continue;
        }
        let table = connection.table(&wanted.name);
        let text = format!("ALTER TABLE {table} ADD {} {kind}", quoted_name(name));
        if let Err(error) = change_schema(connection, text).await {
            // Another process may have added it at the same moment.
            let now = shape::read_columns(connection, &wanted.name).await;
            let now = now.map_err(CassandraFailure::into_error)?;
            if !now.iter().any(|(n, .., k)| (n, k) == (name, kind)) {
                return Err(error);
            }
        }
        added.push(format!("column {}.{name}", wanted.name));
    }
    Ok(added)
}

/// Columns beside the key that nobody asked for.
fn undeclared_columns(
    wanted: &WantedTable,
    standing: &[(String, String, i32, String)],
) -> Vec<String> {
    let is_wanted = |name: &str| wanted.columns.iter().any(|(wanted, _)| wanted == name);
    let beside = standing
        .iter()
        .filter(|(name, kind, ..)| kind == "regular" && !is_wanted(name));
    beside
        .map(|(name, ..)| format!("{}.{name}", wanted.name))
        .collect()
}

/// What is other than it is asked for, one line each.
fn compare_columns(
    wanted: &WantedTable,
    standing: &[(String, String, i32, String)],
) -> Vec<String> {
    let mut drift = Vec::new();
    for (name, kind) in &wanted.columns {
        let stands = standing.iter().find(|(standing, ..)| standing == name);
        if let Some((.., found)) = stands.filter(|(.., found)| found != kind) {
            drift.push(format!(
                "table {}: column {name} is {found}, not {kind}",
                wanted.name
            ));
        }
    }
    for (role, wanted_key) in [
        ("partition_key", &wanted.partition_key),
        ("clustering", &wanted.clustering),
    ] {
        let mut key: Vec<_> = standing
            .iter()
            .filter(|(_, kind, ..)| kind == role)
            .map(|(name, _, position, _)| (*position, name))
            .collect();
        key.sort();
        if !key.iter().map(|(_, name)| *name).eq(wanted_key) {
            let found: Vec<&str> = key.iter().map(|(_, name)| name.as_str()).collect();
            drift.push(format!(
                "table {}: {role} is ({}), not ({})",
                wanted.name,
                found.join(", "),
                wanted_key.join(", ")
            ));
        }
    }
    drift
}

async fn make_indexes(
    connection: &SessionConnection,
    wanted: &WantedTable,
    report: &mut MigrationReport,
) -> Result<(), StoreError> {
    if wanted.indexes.is_empty() {
        return Ok(());
    }
    let text =
        "SELECT index_name FROM system_schema.indexes WHERE keyspace_name = ? AND table_name = ?";
    let rows = query_rows(
        connection,
        text,
        (&connection.config().keyspace, &wanted.name),
    )
    .await?;
    let standing: HashSet<String> = rows
        .rows::<(String,)>()
        .map_err(crate::read::damaged_error)?
        .filter_map(Result::ok)
        .map(|(name,)| name)
        .collect();
    for column in &wanted.indexes {
        // Index names share one space per keyspace, hence the table's in it.
        let name = format!("{}_{column}_idx", wanted.name);
        if standing.contains(&name) {
            report.unchanged += 1;
            continue;
        }
        let table = connection.table(&wanted.name);
        change_schema(
            connection,
            format!(
                "CREATE INDEX IF NOT EXISTS {} ON {table} ({})",
                quoted_name(&name),
                quoted_name(column)
            ),
        )
        .await?;
        report.created.push(format!("index {name}"));
    }
    Ok(())
}
