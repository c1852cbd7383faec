//! The view on Elasticsearch: every collection an index behind an alias, every document under its
//! id with the version of its decision as external version, so that what is late or repeated is
//! refused by the index itself.
//!
//! A deletion is a marker document, filtered from every search and count: Elasticsearch forgets
//! deletes. Bodies are indexed as they were given, with one member spliced in front (`_consign`)
//! and cut out again on the way back; nobody parses them on the way.
//!
//! The only crate that names the client, whose releases are alphas; no type of it leaves, and only
//! its transport is used.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod apply;
mod body;
mod classify;
mod client;
mod config;
mod health;
mod name;
mod read;
mod rights;
mod scan;
mod schema;
mod search;
mod successor;

pub use config::{Config, Secret};
pub use rights::roles_yaml;

use client::Client;
use event_schema::{Raw, mutation::DocumentKey};
use serde_json::Value;
use store::{
    Collection, DocumentWrite, ItemVerdict, SearchRequest, SearchResult, Snapshot, StoreError,
    Succession, Unmappable, View,
    schema::{MigrationReport, Weakness},
    view::{HeldIncarnation, ViewedDocument},
};

pub(crate) const STORE: &str = "elasticsearch";

/// The view on Elasticsearch. Connects on each call, so that it can be made while the cluster is
/// away.
pub struct Elasticsearch {
    client: Client,
    mappings: schema::Mappings,
}

impl Elasticsearch {
    /// # Errors
    /// If the configuration cannot be right for any cluster.
    pub fn new(config: Config) -> Result<Self, StoreError> {
        config.check()?;
        Ok(Self {
            client: Client::new(config)?,
            mappings: schema::Mappings::default(),
        })
    }
}

#[async_trait::async_trait]
impl View for Elasticsearch {
    fn name(&self) -> &'static str {
        STORE
    }

    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        apply::apply_writes(&self.client, writes, "").await
    }

    fn check(&self, collection: &Collection, id: &str, body: &Raw) -> Result<(), Unmappable> {
        let standing = collection.mappings.as_ref();
        let mapping = self.mappings.of(collection, standing, "")?;
        mapping.check(id, body, &schema::AskTheIndex)?;
        if let Some(change) = &collection.changing {
            let next = self.mappings.of(collection, Some(&change.mappings), "+")?;
            next.check(id, body, &schema::AskTheIndex)?;
        }
        Ok(())
    }

    async fn refresh(&self, collections: &[Collection]) -> Result<(), StoreError> {
        read::refresh_collections(&self.client, collections).await
    }

    async fn search_together(
        &self,
        collections: &[&Collection],
        request: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        let Some(after) = &request.search_after else {
            return search::search_collections(&self.client, collections, request).await;
        };
        let mut held = None;
        for collection in collections {
            let standing = collection.mappings.as_ref();
            // One that cannot be read is the index's to judge.
            let Ok(mapping) = self.mappings.of(collection, standing, "") else {
                continue;
            };
            // Behind a hit of a snapshot stands a value more, its place among equals.
            if request.snapshot.is_none() {
                mapping.check_search_after(request.sort.as_ref(), after)?;
            }
            // Several collections are one search: where they differ, the first one's fields count.
            held.get_or_insert_with(|| mapping.positions(request.sort.as_ref(), after));
        }
        let request = SearchRequest {
            search_after: Some(held.unwrap_or_else(|| after.clone())),
            ..request.clone()
        };
        search::search_collections(&self.client, collections, &request).await
    }

    async fn take_snapshot(
        &self,
        collections: &[&Collection],
        keep: i64,
    ) -> Result<Option<Snapshot>, StoreError> {
        let snapshot = search::take_snapshot(&self.client, collections, keep).await?;
        Ok(Some(snapshot))
    }

    async fn count(
        &self,
        collection: &Collection,
        query: Option<&Value>,
    ) -> Result<u64, StoreError> {
        search::count_documents(&self.client, collection, query).await
    }

    async fn sizes(&self, collections: &[Collection]) -> Result<Vec<u64>, StoreError> {
        let mut sizes = Vec::with_capacity(collections.len());
        for collection in collections {
            sizes.push(read::index_size(&self.client, collection).await?);
        }
        Ok(sizes)
    }

    async fn documents(&self, keys: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError> {
        read::read_documents(&self.client, keys).await
    }

    async fn held(&self, keys: &[DocumentKey]) -> Result<Vec<Option<ViewedDocument>>, StoreError> {
        read::read_held(&self.client, keys).await
    }

    async fn scan(
        &self,
        collection: &Collection,
        page: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        scan::scan_ids(&self.client, collection, page, limit).await
    }

    async fn create_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        schema::create_index(&self.client, collection)
            .await
            .map(drop)
    }

    async fn update_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        schema::update_mapping(&self.client, collection).await
    }

    async fn held_incarnations(
        &self,
        name: Option<(&str, &str)>,
    ) -> Result<Vec<HeldIncarnation>, StoreError> {
        schema::held_incarnations(&self.client, name).await
    }

    async fn drop_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.mappings.forget(collection);
        successor::end_succession(&self.client, collection).await?;
        schema::drop_indices(&self.client, collection).await
    }

    async fn succession(&self, collection: &Collection) -> Result<Succession, StoreError> {
        successor::read_succession(&self.client, collection).await
    }

    async fn begin_successor(&self, collection: &Collection) -> Result<(), StoreError> {
        successor::begin_successor(&self.client, collection).await
    }

    async fn apply_to_successor(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        apply::apply_writes(&self.client, writes, name::NEXT).await
    }

    async fn apply_to_both(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        successor::apply_to_both(&self.client, writes).await
    }

    async fn promote_successor(&self, collection: &Collection) -> Result<(), StoreError> {
        successor::promote_successor(&self.client, collection).await
    }

    async fn end_succession(&self, collection: &Collection) -> Result<(), StoreError> {
        successor::end_succession(&self.client, collection).await
    }

    async fn migrate(&self, collections: &[Collection]) -> Result<MigrationReport, StoreError> {
        schema::migrate_collections(&self.client, collections).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        health::check_ready(&self.client).await
    }

    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        health::find_weaknesses(&self.client).await
    }
}
