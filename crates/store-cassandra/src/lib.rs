//! The record on Cassandra: documents, the operations' own tables, ledger, marks, claims and
//! collections as rows; and blobs in tables of their own.
//!
//! Order between writes is kept by timestamps alone: every write of documents, rows, ledger and
//! marks is `USING TIMESTAMP`, so a late or repeated one changes nothing and Cassandra never says
//! so. Claims, collections and blobs are the exception: they are taken by `IF NOT EXISTS`, live in tables
//! of their own, and no timestamped write ever touches those.
//!
//! The only crate that names the driver; no type of it leaves.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod apply;
mod blobs;
mod cell;
mod classify;
mod conditional;
mod config;
mod grants;
mod health;
mod ledger;
mod markers;
mod read;
mod scan;
mod schema;
mod session;
mod shape;
pub mod tls;
mod unique;

pub use blobs::CassandraBlobs;
pub use config::{Config, Consistency, Replication, Secret};
pub use grants::{Roles, grant_statements};

use event_schema::{
    decision::Mark,
    envelope::Claim,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use session::SessionConnection;
use shape::RowShapes;
use std::time::Duration;
use store::{
    ClaimOutcome, Collection, ItemVerdict, Record, StoreError, StoredDocument, Swapped,
    document::{MarkerPage, RowScan, StoredRow, Write},
    schema::{MigrationReport, Table, Weakness},
};

pub(crate) const STORE: &str = "cassandra";

/// The record on Cassandra. Connects on first use and again by itself, so that it can be made while
/// the cluster is away.
pub struct Cassandra {
    connection: SessionConnection,
    shapes: RowShapes,
    floors: apply::Floors,
}

impl Cassandra {
    /// # Errors
    /// If the configuration cannot be right for any cluster.
    pub fn new(config: Config) -> Result<Self, StoreError> {
        config.check()?;
        Ok(Self {
            connection: SessionConnection::new(config),
            shapes: RowShapes::default(),
            floors: apply::Floors::default(),
        })
    }
}

#[async_trait::async_trait]
impl Record for Cassandra {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        let found = read::read_documents(&self.connection, keys).await?;
        found
            .iter()
            .flatten()
            .for_each(|document| self.floors.seen(&document.meta));
        Ok(found)
    }

    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        read::read_rows(&self.connection, &self.shapes, keys).await
    }

    async fn scan_rows(&self, scan: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        scan::scan_rows(&self.connection, &self.shapes, scan).await
    }

    async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict> {
        apply::apply_writes(&self.connection, &self.shapes, &self.floors, writes).await
    }

    async fn scan_markers(
        &self,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<MarkerPage, StoreError> {
        markers::scan_markers(&self.connection, after, limit).await
    }

    async fn remember(&self, entries: &[LedgerEntry]) -> Vec<ItemVerdict> {
        ledger::write_entries(&self.connection, entries).await
    }

    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        ledger::read_entries(&self.connection, requests).await
    }

    async fn claim(&self, claim: &Claim, request: &RequestId) -> Result<ClaimOutcome, StoreError> {
        ledger::take_claim(&self.connection, claim, request).await
    }

    async fn held_values(&self, names: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        unique::read_holders(&self.connection, names).await
    }

    async fn value_names(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        unique::list_names(&self.connection, after, limit).await
    }
    async fn swap_value(
        &self,
        name: &str,
        was: Option<&str>,
        new: &str,
    ) -> Result<Swapped, StoreError> {
        unique::swap_holder(&self.connection, name, was, new).await
    }

    async fn purge_replaced_values(&self) -> Result<Vec<String>, StoreError> {
        Ok(unique::purge_commands(&self.connection))
    }

    async fn keep_text(&self, name: &str, text: &str, until: i64) -> Result<(), StoreError> {
        ledger::keep_text(&self.connection, name, text, until).await
    }

    async fn kept_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        ledger::kept_text(&self.connection, name).await
    }

    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        ledger::set_mark(&self.connection, mark).await
    }

    async fn mark(&self, generation: u16, partition: u16) -> Result<Option<Mark>, StoreError> {
        ledger::read_mark(&self.connection, generation, partition).await
    }

    async fn create_collection(&self, collection: &Collection) -> Result<Collection, StoreError> {
        ledger::create_collection(&self.connection, collection).await
    }

    async fn collection(
        &self,
        index: &str,
        collection: &str,
    ) -> Result<Option<Collection>, StoreError> {
        ledger::read_collection(&self.connection, index, collection).await
    }

    async fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        let all = ledger::read_collections(&self.connection).await?;
        Ok(all
            .into_iter()
            .filter(|collection| !collection.is_index_only())
            .collect())
    }

    async fn indices(&self) -> Result<Vec<String>, StoreError> {
        let all = ledger::read_collections(&self.connection).await?;
        let names: std::collections::BTreeSet<String> =
            all.into_iter().map(|collection| collection.index).collect();
        Ok(names.into_iter().collect())
    }

    async fn replace_collection(
        &self,
        collection: &Collection,
        was: &Collection,
    ) -> Result<bool, StoreError> {
        ledger::replace_collection(&self.connection, collection, was).await
    }

    async fn drop_collection(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
    ) -> Result<bool, StoreError> {
        ledger::drop_collection(&self.connection, index, collection, incarnation).await
    }

    async fn scan(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        read::scan_ids(
            &self.connection,
            [index, collection, incarnation],
            after,
            limit,
        )
        .await
    }

    async fn scan_documents(
        &self,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<Vec<DocumentKey>, StoreError> {
        read::scan_documents(&self.connection, after, limit).await
    }

    fn ledger_kept(&self) -> Option<Duration> {
        let days = self.connection.config().ledger_days?;
        Some(Duration::from_secs(u64::from(days) * 86_400))
    }

    async fn migrate(&self, tables: &[Table]) -> Result<MigrationReport, StoreError> {
        let report = schema::migrate_tables(&self.connection, tables).await;
        self.shapes.forget_all();
        report
    }

    async fn ready(&self) -> Result<(), StoreError> {
        health::check_ready(&self.connection).await
    }

    async fn may_forget(&self) -> Result<Option<Duration>, StoreError> {
        health::may_forget(&self.connection).await
    }

    async fn check_settings(&self) -> Result<(), StoreError> {
        health::check_settings(&self.connection).await
    }

    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        health::find_weaknesses(&self.connection).await
    }
}
