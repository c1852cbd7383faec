//! The file's law. Format 2:
//!
//! - `documents`: one line per document that was ever written, deletion markers included (`body` is
//!   null) until they are purged. `place` is a collection's incarnation in `places`. `body` is the text as it was
//!   written.
//! - `rows`: see `row.rs` for the columns' meaning. `key` is a JSON array of the canonical key
//!   values in the table's order.
//! - `ledger`, `claims`, `marks`, `collections`: entries as JSON, with the columns by which they
//!   are guarded. A collection without a name remembers its index.
//! - `texts`: what is kept under a name until a time in Unix milliseconds.
//!
//! A file of a newer format is refused, one of an older format would be brought up here; nothing
//! else changes tables.

use crate::{NAME, Tables, classify::Failure, config::Config};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use std::{sync::Arc, time::Duration};
use store::{
    StoreError,
    schema::{MigrationReport, Table},
};

pub const FORMAT: i64 = 3;
/// `cons`, in the file's header: tells our files from other SQLite files.
const APPLICATION: i64 = 0x636f_6e73;

const TABLES: &str = "
CREATE TABLE places (place INTEGER PRIMARY KEY, idx TEXT NOT NULL, collection TEXT NOT NULL, incarnation TEXT NOT NULL,
    UNIQUE (idx, collection, incarnation));
CREATE TABLE documents (place INTEGER NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, generation INTEGER NOT NULL, part INTEGER NOT NULL,
    position INTEGER NOT NULL, revision INTEGER NOT NULL, request TEXT NOT NULL, body TEXT);
CREATE UNIQUE INDEX documents_by_id ON documents (place, id);
CREATE TABLE tables (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL);
CREATE TABLE rows (number INTEGER NOT NULL, key TEXT NOT NULL, newest INTEGER NOT NULL, cleared INTEGER NOT NULL, marker INTEGER NOT NULL,
    expires INTEGER, cells TEXT NOT NULL, older TEXT);
CREATE UNIQUE INDEX rows_by_key ON rows (number, key);
CREATE TABLE ledger (request BLOB NOT NULL, version INTEGER NOT NULL, entry TEXT NOT NULL);
CREATE UNIQUE INDEX ledger_by_request ON ledger (request);
CREATE TABLE claims (key TEXT PRIMARY KEY, request TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX claims_by_end ON claims (until);
CREATE TABLE unique_values (name TEXT PRIMARY KEY, holder TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE texts (name TEXT PRIMARY KEY, text TEXT NOT NULL, until INTEGER NOT NULL);
CREATE INDEX texts_by_end ON texts (until);
CREATE TABLE marks (generation INTEGER NOT NULL, part INTEGER NOT NULL, through INTEGER NOT NULL, epoch INTEGER NOT NULL, next INTEGER NOT NULL,
    mark TEXT NOT NULL, PRIMARY KEY (generation, part)) WITHOUT ROWID;
CREATE TABLE collections (idx TEXT NOT NULL, collection TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (idx, collection)) WITHOUT ROWID;
";

/// How long a connection waits for another one's lock.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The one connection that writes.
pub fn open_writer(config: &Config) -> Result<Connection, StoreError> {
    let connection = Connection::open(&config.path).map_err(Failure::from)?;
    prepare_connection(&connection, config).map_err(Failure::from)?;
    let (application, format, schema) = read_header(&connection).map_err(Failure::from)?;
    match (application, format) {
        (0, 0) if schema == 0 => make_tables(&connection).map_err(Failure::from)?,
        (APPLICATION, FORMAT) => {}
        (APPLICATION, other) => {
            let why = format!(
                "the file `{}` has format {other}, this program knows {FORMAT}: use the program that made it",
                config.path.display()
            );
            return Err(StoreError::Refused { store: NAME, why });
        }
        _ => {
            return Err(StoreError::Refused {
                store: NAME,
                why: format!("the file `{}` is another program's", config.path.display()),
            });
        }
    }
    Ok(connection)
}

fn prepare_connection(connection: &Connection, config: &Config) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Of the transaction that makes the file; then each asks for what it needs: see `writer.rs`.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // See `purge.rs` for what must leave no bytes at all.
    connection.execute_batch(SECURE_DELETE)?;
    connection.pragma_update(None, "cache_size", -i64::from(config.writer_cache_kib))?;
    // A reader that takes long lets the log grow; it is cut back to this when it is used anew.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    match config.page_limit {
        Some(pages) => {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        }
        None => Ok(()),
    }
}

fn read_header(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((
        pragma("application_id")?,
        pragma("user_version")?,
        pragma("schema_version")?,
    ))
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; COMMIT;"))
}

/// Zeroes what is deleted where its page is written anyway.
pub const SECURE_DELETE: &str = "PRAGMA secure_delete = FAST";

/// A connection beside the writer's, to a file that is there.
pub const OWN: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
    .union(OpenFlags::SQLITE_OPEN_URI);

/// The connection that moves pages from the journal into the file.
pub fn open_checkpointer(config: &Config) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&config.path, OWN)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(connection)
    };
    open().map_err(|error| Failure::from(error).into())
}

/// A connection that only reads.
pub fn open_reader(config: &Config) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&config.path, flags)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.pragma_update(None, "cache_size", -i64::from(config.reader_cache_kib))?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| Failure::from(error).into())
}

/// All tables that were migrated.
pub fn read_tables(connection: &Connection) -> Result<Tables, StoreError> {
    let read = || -> rusqlite::Result<Vec<(i64, String)>> {
        let mut statement = connection.prepare("SELECT number, definition FROM tables")?;
        statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let mut tables = Tables::new();
    for (number, definition) in read().map_err(Failure::from)? {
        let table = parse_table(&definition).map_err(StoreError::from)?;
        tables.insert(table.name.clone(), (number, Arc::new(table)));
    }
    Ok(tables)
}

fn parse_table(definition: &str) -> Result<Table, Failure> {
    serde_json::from_str(definition)
        .map_err(|error| Failure::Damaged(format!("a table's definition: {error}")))
}

/// Makes the tables that are not there, adds columns that are new, names all else that differs.
/// Columns that are not asked for stay, and so do their cells.
pub fn migrate_tables(
    connection: &Connection,
    wanted: &[Table],
) -> Result<MigrationReport, Failure> {
    let mut report = MigrationReport::default();
    for table in wanted {
        let known: Option<String> = connection
            .query_row(
                "SELECT definition FROM tables WHERE name = ?",
                [&table.name],
                |row| row.get(0),
            )
            .optional()?;
        let Some(known) = known else {
            connection.execute(
                "INSERT INTO tables (name, definition) VALUES (?, ?)",
                params![table.name, table_json(table)],
            )?;
            report.created.push(table.name.clone());
            continue;
        };
        let mut stands = parse_table(&known)?;
        let drift = table_drift(&stands, table);
        let new: Vec<_> = table
            .columns
            .iter()
            .filter(|column| stands.column(&column.name).is_none())
            .cloned()
            .collect();
        report.created.extend(
            new.iter()
                .map(|column| format!("{}.{}", table.name, column.name)),
        );
        if drift.is_empty() && new.is_empty() {
            report.unchanged += 1;
        }
        if !new.is_empty() {
            stands.columns.extend(new);
            connection.execute(
                "UPDATE tables SET definition = ? WHERE name = ?",
                params![table_json(&stands), table.name],
            )?;
        }
        report.drift.extend(drift);
        let undeclared = stands.columns.iter().filter(|column| {
            let key = table.key().any(|key| key == column.name);
            !key && table.column(&column.name).is_none()
        });
        report
            .undeclared
            .extend(undeclared.map(|column| format!("{}.{}", table.name, column.name)));
    }
    Ok(report)
}

fn table_json(table: &Table) -> String {
    serde_json::to_string(table).expect("a table is plain JSON")
}

fn table_drift(stands: &Table, wanted: &Table) -> Vec<String> {
    let name = &wanted.name;
    let mut drift = Vec::new();
    if (&stands.partition_key, &stands.clustering) != (&wanted.partition_key, &wanted.clustering) {
        drift.push(format!(
            "table `{name}` has the key {:?} {:?}, the catalog says {:?} {:?}",
            stands.partition_key, stands.clustering, wanted.partition_key, wanted.clustering
        ));
    }
    for column in &stands.columns {
        let other = wanted.column(&column.name);
        if let Some(other) = other.filter(|other| other.kind != column.kind) {
            drift.push(format!(
                "column `{}` of table `{name}` is {:?}, the catalog says {:?}",
                column.name, column.kind, other.kind
            ));
        }
    }
    drift
}
