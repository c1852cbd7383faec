//! Reads by id, on connections of their own. Each read starts after it was asked for, so it sees
//! every write that was answered before.

use crate::{
    EmbeddedStore, NAME, body::raw_json, classify::Failure, config::Config, newest::Sight,
    places::collection_place, row::columns, schema, writer::Kept,
};
use event_schema::{
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    offset::TransactionsOffset,
    position::{Position, Version},
};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;
use std::sync::Arc;
use store::{
    Collection, Meta, StoreError, StoredDocument, cell,
    document::{RowScan, StoredRow},
};
use tokio::sync::Semaphore;

/// The connections that read.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        let count = config.readers.max(1);
        let idle = (0..count)
            .map(|_| schema::open_reader(config))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            permits: Arc::new(Semaphore::new(count)),
        })
    }

    /// Reads at once, on a connection of its own: for the rare question that cannot wait for a turn.
    pub fn read_now<T>(
        config: &Config,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read(&schema::open_reader(config)?)
    }

    /// Reads on a thread that may wait for the disk.
    pub async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let closed = || StoreError::Unavailable {
            store: NAME,
            why: "the store is closed".to_owned(),
        };
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let idle = self.idle.clone();
        let done = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().pop().ok_or_else(closed)?;
            let result = read(&connection);
            idle.lock().push(connection);
            drop(permit);
            result
        });
        done.await.map_err(|error| StoreError::Unavailable {
            store: NAME,
            why: format!("a read ended early: {error}"),
        })?
    }
}

pub(crate) type DocumentColumns = (i64, u16, u16, i64, i64, String, Option<String>);

pub(crate) fn read_columns(row: &Row<'_>) -> rusqlite::Result<DocumentColumns> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
    ))
}

pub(crate) fn stored_document(columns: DocumentColumns) -> Result<StoredDocument, Failure> {
    let (version, generation, partition, offset, revision, request, body) = columns;
    let request = RequestId::parse_trusted(&request)
        .map_err(|error| Failure::Damaged(format!("a document's request: {error}")))?;
    let meta = Meta {
        version: Version(version.cast_unsigned()),
        position: Position {
            generation,
            partition,
            offset: TransactionsOffset::new(offset.cast_unsigned()),
        },
        revision: revision.cast_unsigned(),
        request,
    };
    Ok(StoredDocument {
        meta,
        body: body.map(raw_json).transpose()?,
    })
}

pub(crate) fn find_document(
    connection: &Connection,
    key: &DocumentKey,
) -> Result<Option<StoredDocument>, Failure> {
    const GET: &str = "SELECT version, generation, part, position, revision, request, body FROM documents
        WHERE place = (SELECT place FROM places WHERE idx = ?1 AND collection = ?2 AND incarnation = ?3) AND id = ?4";
    let mut get = connection.prepare_cached(GET)?;
    let found = get
        .query_row(
            [&key.index, &key.collection, &key.incarnation, &key.id],
            read_columns,
        )
        .optional()?;
    found.map(stored_document).transpose()
}

impl EmbeddedStore {
    /// Which of the keys have no document, as far as that is known without reading any.
    async fn absent(&self, keys: &[DocumentKey]) -> Result<Vec<bool>, StoreError> {
        let mut absent = Vec::with_capacity(keys.len());
        for key in keys {
            let mut sight = self.inner.newest.see(key, self.now());
            if sight == Sight::Unknown {
                let asked = key.clone();
                self.inner
                    .writer
                    .run(Kept::InOrder, move |pen| {
                        pen.newest.learn(pen.connection, &asked)
                    })
                    .await?;
                sight = self.inner.newest.see(key, self.now());
            }
            absent.push(sight == Sight::Absent);
        }
        Ok(absent)
    }

    pub(crate) async fn read_documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let absent = self.absent(keys).await?;
        if absent.iter().all(|absent| *absent) {
            return Ok(vec![None; keys.len()]);
        }
        let keys: Vec<_> = keys
            .iter()
            .zip(absent)
            .map(|(key, absent)| (!absent).then(|| key.clone()))
            .collect();
        let read = move |connection: &Connection| {
            let one = |key: &Option<DocumentKey>| {
                key.as_ref()
                    .map_or(Ok(None), |key| find_document(connection, key))
            };
            Ok(keys.iter().map(one).collect::<Result<_, _>>()?)
        };
        self.inner.readers.run(read).await
    }

    pub(crate) async fn read_rows(
        &self,
        keys: &[RowKey],
    ) -> Result<Vec<Option<StoredRow>>, StoreError> {
        let known = |key: &RowKey| {
            let tables = self.inner.tables.read();
            let missing = || StoreError::NotMigrated {
                store: NAME,
                why: format!("the table `{}` is not there", key.table),
            };
            let (number, table) = tables.get(&key.table).ok_or_else(missing)?;
            let values = cell::fit_key(table, key).map_err(|misfit| StoreError::Refused {
                store: NAME,
                why: misfit.to_string(),
            })?;
            Ok((*number, serde_json::Value::Array(values).to_string()))
        };
        let keys = keys
            .iter()
            .map(known)
            .collect::<Result<Vec<(i64, String)>, StoreError>>()?;
        let now = self.now();
        let read = move |connection: &Connection| {
            let one = |(number, key): &(i64, String)| -> Result<Option<StoredRow>, Failure> {
                let Some(stored) = columns::read_row(connection, *number, key)? else {
                    return Ok(None);
                };
                let state = stored
                    .state()
                    .map_err(|error| Failure::Damaged(format!("the row {key}: {error}")))?;
                Ok(state.read(now))
            };
            Ok(keys.iter().map(one).collect::<Result<Vec<_>, _>>()?)
        };
        self.inner.readers.run(read).await
    }

    pub(crate) async fn scan_partition(
        &self,
        scan: &RowScan,
    ) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        let refused = |why: String| StoreError::Refused { store: NAME, why };
        let (number, table) = {
            let tables = self.inner.tables.read();
            let known = tables.get(&scan.table).cloned();
            known.ok_or_else(|| StoreError::NotMigrated {
                store: NAME,
                why: format!("the table `{}` is not there", scan.table),
            })?
        };
        let [clustering] = table.clustering.as_slice() else {
            let why = format!("the table `{}` has not one clustering column", table.name);
            return Err(refused(why));
        };
        // The key of the row behind which it begins: of the least text, where it begins at the first.
        let mut columns = scan.partition.clone();
        let after = scan.after.clone().unwrap_or_default();
        columns.insert(clustering.clone(), after.into());
        let first = RowKey {
            table: scan.table.clone(),
            key: columns,
        };
        let first = cell::fit_key(&table, &first).map_err(|misfit| refused(misfit.to_string()))?;
        let partition = Value::Array(first[..first.len() - 1].to_vec()).to_string();
        // `-` comes behind the `,` that follows the partition in every key of it.
        let end = format!("{}-", &partition[..partition.len() - 1]);
        let from = Value::Array(first).to_string();
        let (now, limit, is_from_start) = (self.now(), scan.limit, scan.after.is_none());
        let read = move |connection: &Connection| {
            const SOME: &str =
                "SELECT key, newest, cleared, marker, expires, cells, older FROM rows
                WHERE number = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";
            let mut statement = connection.prepare_cached(SOME).map_err(Failure::from)?;
            let mut found = Vec::new();
            let mut rows = statement
                .query(params![number, from, end])
                .map_err(Failure::from)?;
            while found.len() < limit
                && let Some(row) = rows.next().map_err(Failure::from)?
            {
                let key: String = row.get(0).map_err(Failure::from)?;
                if key == from && !is_from_start {
                    continue;
                }
                let damaged = |error: &dyn std::fmt::Display| {
                    Failure::Damaged(format!("the row {key}: {error}"))
                };
                let stored = columns::stored_row(row, 1).map_err(Failure::from)?;
                let state = stored.state().map_err(|error| damaged(&error))?;
                if let Some(stored) = state.read(now) {
                    let values: Vec<Value> =
                        serde_json::from_str(&key).map_err(|error| damaged(&error))?;
                    let columns = table.key().map(str::to_owned).zip(values);
                    let key = RowKey {
                        table: table.name.clone(),
                        key: columns.collect(),
                    };
                    found.push((key, stored));
                }
            }
            Ok(found)
        };
        self.inner.readers.run(read).await
    }

    /// The texts found by the same one-row query for each parameter.
    pub(crate) async fn read_texts<P>(
        &self,
        sql: &'static str,
        parameters: Vec<P>,
    ) -> Result<Vec<Option<String>>, StoreError>
    where
        P: rusqlite::Params + Send + 'static,
    {
        let read = move |connection: &Connection| {
            let mut get = connection.prepare_cached(sql).map_err(Failure::from)?;
            let one = |parameters: P| get.query_row(parameters, |row| row.get(0)).optional();
            Ok(parameters
                .into_iter()
                .map(one)
                .collect::<Result<_, _>>()
                .map_err(Failure::from)?)
        };
        self.inner.readers.run(read).await
    }

    /// The names of unique values behind one of them.
    pub(crate) async fn read_value_names(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        const NAMES: &str = "SELECT name FROM unique_values WHERE name > ?1 ORDER BY name LIMIT ?2";
        let (after, limit) = (after.unwrap_or_default().to_owned(), limit as i64);
        let read = move |connection: &Connection| {
            let mut names = connection.prepare_cached(NAMES).map_err(Failure::from)?;
            let rows = names.query_map(rusqlite::params![after, limit], |row| row.get(0));
            let rows = rows.map_err(Failure::from)?;
            Ok(rows.collect::<Result<_, _>>().map_err(Failure::from)?)
        };
        self.inner.readers.run(read).await
    }

    /// The bytes of all bodies of each collection.
    pub(crate) async fn read_sizes(
        &self,
        collections: &[Collection],
    ) -> Result<Vec<u64>, StoreError> {
        const SIZE: &str =
            "SELECT COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM documents WHERE place = ?";
        let collections = collections.to_vec();
        let size = |connection: &Connection, one: &Collection| -> rusqlite::Result<i64> {
            match collection_place(connection, &one.index, &one.collection, &one.incarnation)? {
                None => Ok(0),
                Some(place) => {
                    let mut sum = connection.prepare_cached(SIZE)?;
                    sum.query_row([place], |row| row.get(0))
                }
            }
        };
        let read = move |connection: &Connection| {
            let mut sizes = Vec::with_capacity(collections.len());
            for one in &collections {
                let size = size(connection, one).map_err(Failure::from)?;
                sizes.push(size.max(0) as u64);
            }
            Ok(sizes)
        };
        self.inner.readers.run(read).await
    }

    pub(crate) async fn read_ids(
        &self,
        name: [String; 3],
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        const PAGE: &str = "SELECT id FROM documents WHERE place = ?1 AND id > ?2 AND body IS NOT NULL ORDER BY id LIMIT ?3";
        let read = move |connection: &Connection| {
            let page = || -> rusqlite::Result<Vec<String>> {
                let Some(place) = collection_place(connection, &name[0], &name[1], &name[2])?
                else {
                    return Ok(Vec::new());
                };
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                // No id is empty, so all come after the empty text.
                let mut page = connection.prepare_cached(PAGE)?;
                page.query_map(params![place, after.unwrap_or_default(), limit], |row| {
                    row.get(0)
                })?
                .collect()
            };
            Ok(page().map_err(Failure::from)?)
        };
        self.inner.readers.run(read).await
    }
}
