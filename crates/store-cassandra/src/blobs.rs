//! The port of blobs on two tables: `blobs` has the bytes, a partition for each; `blob_names` lists
//! what a folder has, with the first bytes of each, so that neither a list nor a look at a head
//! reads any blob.
//!
//! Bytes are put, replaced and removed by lightweight transactions alone: no clock decides who put
//! a blob. Names are ordinary rows, written after the bytes and removed after them. Must never say
//! that a blob is put before its name stands: what is not listed is not found by another process.
//!
//! See ADR 33.

use crate::{
    STORE,
    conditional::{ConditionalOutcome, run_condition, run_for_bytes},
    config::{Config, Consistency},
    read::{damaged_error, query_rows},
    session::SessionConnection,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use scylla::value::CqlTimestamp;
use std::collections::BTreeSet;
use store::{BlobEntry, BlobPut, BlobStore, StoreError, blob::split_name};

/// First bytes that are listed beside a name.
const START: usize = 64;
/// Names of one page of a list.
const PAGE: usize = 1_000;
/// Blobs that are removed at once.
const REMOVED_AT_ONCE: usize = 16;
/// A replacement that meets a removal each time is given up.
const REPLACE_ATTEMPTS: usize = 4;

/// Blobs on Cassandra. Connects on first use and again by itself. The tables are made by the
/// record's migration.
pub struct CassandraBlobs {
    connection: SessionConnection,
    statements: BlobStatements,
}

/// The statements' texts, made once.
struct BlobStatements {
    insert: String,
    update: String,
    delete: String,
    select: String,
    name: String,
    unname: String,
    describe: String,
    list: String,
    folders: String,
}

impl BlobStatements {
    fn new(connection: &SessionConnection) -> Self {
        let (blobs, names) = (connection.table("blobs"), connection.table("blob_names"));
        Self {
            insert: format!("INSERT INTO {blobs} (name, bytes) VALUES (?, ?) IF NOT EXISTS"),
            update: format!("UPDATE {blobs} SET bytes = ? WHERE name = ? IF EXISTS"),
            delete: format!("DELETE FROM {blobs} WHERE name = ? IF EXISTS"),
            select: format!("SELECT bytes FROM {blobs} WHERE name = ?"),
            name: format!(
                "INSERT INTO {names} (folder, name, size, start, put_at) VALUES (?, ?, ?, ?, toTimestamp(now()))"
            ),
            unname: format!("DELETE FROM {names} WHERE folder = ? AND name = ?"),
            describe: format!(
                "SELECT size, start, put_at FROM {names} WHERE folder = ? AND name = ?"
            ),
            list: format!(
                "SELECT name, size, put_at FROM {names} WHERE folder = ? AND name > ? LIMIT ?"
            ),
            folders: format!("SELECT DISTINCT folder FROM {names}"),
        }
    }
}

/// What is listed of a blob.
struct NamedBlob {
    entry: BlobEntry,
    start: Vec<u8>,
}

impl CassandraBlobs {
    /// # Errors
    /// If the configuration cannot be right for any cluster.
    pub fn new(mut config: Config) -> Result<Self, StoreError> {
        config.check()?;
        // A copy alone may not know yet what another process was told is put.
        if config.consistency == Consistency::LocalOne {
            config.consistency = Consistency::LocalQuorum;
        }
        let connection = SessionConnection::new(config);
        let statements = BlobStatements::new(&connection);
        Ok(Self {
            connection,
            statements,
        })
    }

    /// Lists a blob that stands.
    async fn list_name(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let (folder, file) = split_name(name);
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let start = &bytes[..bytes.len().min(START)];
        let values = (folder, file, size, start);
        let named = self.connection.run(&self.statements.name, values).await;
        named.map(drop).map_err(|failure| failure.into_error())
    }

    async fn named_blob(&self, name: &str) -> Result<Option<NamedBlob>, StoreError> {
        let text = &self.statements.describe;
        let rows = query_rows(&self.connection, text, split_name(name)).await?;
        let row = rows.maybe_first_row::<(i64, Vec<u8>, CqlTimestamp)>();
        let row = row.map_err(damaged_error)?;
        Ok(row.map(|(size, start, put_at)| NamedBlob {
            entry: entry(name.to_owned(), size, put_at),
            start,
        }))
    }

    async fn remove_blob(&self, name: &str) -> Result<(), StoreError> {
        run_for_bytes(&self.connection, &self.statements.delete, (name,), "bytes").await?;
        let unnamed = self
            .connection
            .run(&self.statements.unname, split_name(name))
            .await;
        unnamed.map(drop).map_err(|failure| failure.into_error())
    }
}

fn entry(name: String, size: i64, put_at: CqlTimestamp) -> BlobEntry {
    BlobEntry {
        name,
        size: u64::try_from(size).unwrap_or_default(),
        put_at: put_at.0,
    }
}

#[async_trait]
impl BlobStore for CassandraBlobs {
    async fn put_new_blob(&self, name: &str, bytes: Bytes) -> Result<BlobPut, StoreError> {
        let values = (name, bytes.as_ref());
        let text = &self.statements.insert;
        match run_for_bytes(&self.connection, text, values, "bytes").await? {
            ConditionalOutcome::Held => {
                self.list_name(name, &bytes).await?;
                Ok(BlobPut::Done)
            }
            // Whoever put it may have ended before it was listed.
            ConditionalOutcome::Failed(Some(standing)) => {
                self.list_name(name, &standing).await?;
                Ok(BlobPut::IsThere)
            }
            ConditionalOutcome::Failed(None) => {
                Err(damaged_error(format_args!("blob {name} has no bytes")))
            }
        }
    }

    async fn put_blob(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        let (update, insert) = (&self.statements.update, &self.statements.insert);
        for _ in 0..REPLACE_ATTEMPTS {
            let is_put = run_condition(&self.connection, update, (bytes.as_ref(), name)).await?
                || run_condition(&self.connection, insert, (name, bytes.as_ref())).await?;
            if is_put {
                return self.list_name(name, &bytes).await;
            }
        }
        Err(StoreError::Unavailable {
            store: STORE,
            why: format!("blob {name} is being put and removed by others"),
        })
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let rows = query_rows(&self.connection, &self.statements.select, (name,)).await?;
        let row = rows
            .maybe_first_row::<(Vec<u8>,)>()
            .map_err(damaged_error)?;
        Ok(row.map(|(bytes,)| bytes.into()))
    }

    async fn get_blob_start(&self, name: &str, length: u64) -> Result<Option<Bytes>, StoreError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if let Some(named) = self.named_blob(name).await?
            && (length <= named.start.len() || named.entry.size == named.start.len() as u64)
        {
            let start = Bytes::from(named.start);
            return Ok(Some(start.slice(..length.min(start.len()))));
        }
        let whole = self.get_blob(name).await?;
        Ok(whole.map(|whole| whole.slice(..length.min(whole.len()))))
    }

    async fn describe_blob(&self, name: &str) -> Result<Option<BlobEntry>, StoreError> {
        let named = self.named_blob(name).await?;
        Ok(named.map(|named| named.entry))
    }

    async fn list_blobs(&self, folder: &str) -> Result<Vec<BlobEntry>, StoreError> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let values = (folder, &after, PAGE as i32);
            let rows = query_rows(&self.connection, &self.statements.list, values).await?;
            let page = rows
                .rows::<(String, i64, CqlTimestamp)>()
                .map_err(damaged_error)?;
            let before = all.len();
            for row in page {
                let (file, size, put_at) = row.map_err(damaged_error)?;
                all.push(entry(format!("{folder}/{file}"), size, put_at));
                after = file;
            }
            if all.len() - before < PAGE {
                return Ok(all);
            }
        }
    }

    async fn list_folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let rows = query_rows(&self.connection, &self.statements.folders, ()).await?;
        let mut names = BTreeSet::new();
        for row in rows.rows::<(String,)>().map_err(damaged_error)? {
            let (found,) = row.map_err(damaged_error)?;
            let below = match folder {
                "" => Some(found.as_str()),
                _ => found
                    .strip_prefix(folder)
                    .and_then(|rest| rest.strip_prefix('/')),
            };
            let name = below.and_then(|below| below.split('/').next());
            names.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
        }
        Ok(names.into_iter().collect())
    }

    async fn remove_blobs(&self, names: Vec<String>) -> Result<(), StoreError> {
        let removals: Vec<_> = names.iter().map(|name| self.remove_blob(name)).collect();
        let mut removed = stream::iter(removals).buffer_unordered(REMOVED_AT_ONCE);
        while removed.try_next().await?.is_some() {}
        Ok(())
    }
}
