//! The view port on the record's own file: what the record took is what a search finds, so there is
//! nothing to apply and nothing to refresh. Indexes of what is searched follow within the write.

use crate::{EmbeddedStore, NAME, record, search, writer::Kept};
use event_schema::{Raw, mutation::DocumentKey};
use serde_json::Value;
use store::{
    Collection, DocumentWrite, ItemVerdict, SearchRequest, SearchResult, StoreError, Unmappable,
    View,
    schema::{MigrationReport, Weakness},
};

#[async_trait::async_trait]
impl View for EmbeddedStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_record(&self) -> bool {
        true
    }

    fn index_bytes(&self) -> u64 {
        self.index_figures().bytes
    }

    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        vec![ItemVerdict::Done; writes.len()]
    }

    fn check(&self, collection: &Collection, id: &str, body: &Raw) -> Result<(), Unmappable> {
        let unreadable = |error: StoreError| Unmappable {
            pointer: String::new(),
            message: error.to_string(),
        };
        let standing = self.mapping(collection).map_err(unreadable)?;
        if let Some(change) = &collection.changing {
            let next = self
                .mapping_of(collection, Some(&change.mappings), "+")
                .map_err(unreadable)?;
            self.check_body(&next, collection, id, body)?;
        }
        self.check_body(&standing, collection, id, body)
    }

    async fn refresh(&self, _: &[Collection]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn search_together(
        &self,
        collections: &[&Collection],
        request: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        let now = self.now();
        let mut all = Vec::with_capacity(collections.len());
        for collection in collections {
            let search = search::Search::read(&*self.mapping(collection)?, now, request)?;
            all.push((search, Collection::clone(collection)));
        }
        let indexes = self.inner.indexes.clone();
        self.inner
            .readers
            .run(move |connection| search::Search::run(&all, connection, &indexes))
            .await
    }

    async fn count(
        &self,
        collection: &Collection,
        query: Option<&Value>,
    ) -> Result<u64, StoreError> {
        let request = SearchRequest {
            query: query.cloned(),
            ..SearchRequest::default()
        };
        let search = search::Search::read(&*self.mapping(collection)?, self.now(), &request)?;
        let (collection, indexes) = (collection.clone(), self.inner.indexes.clone());
        self.inner
            .readers
            .run(move |connection| search.count(connection, &collection, &indexes))
            .await
    }

    async fn sizes(&self, collections: &[Collection]) -> Result<Vec<u64>, StoreError> {
        self.read_sizes(collections).await
    }

    async fn documents(&self, keys: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError> {
        let found = self.read_documents(keys).await?;
        Ok(found
            .into_iter()
            .map(|document| document.and_then(|document| document.body))
            .collect())
    }

    async fn create_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.mapping(collection)?;
        let collection = collection.clone();
        self.inner
            .writer
            .run(Kept::OnDisk, move |pen| {
                record::create_collection(pen, &collection)
            })
            .await?;
        Ok(())
    }

    async fn update_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.mapping(collection).map(drop)
    }

    /// A few at a time, so that writes of others come between.
    async fn drop_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        let name = [
            collection.index.clone(),
            collection.collection.clone(),
            collection.incarnation.clone(),
        ];
        loop {
            let name = name.clone();
            if !self
                .inner
                .writer
                .run(Kept::OnDisk, move |pen| record::clear_documents(pen, &name))
                .await?
            {
                break;
            }
        }
        let key = format!("{}/{}", collection.name(), collection.incarnation);
        let mut mappings = self.inner.mappings.write();
        mappings.remove(&format!("{key}+"));
        mappings.remove(&key);
        drop(mappings);
        self.inner.seen.forget(&key);
        Ok(())
    }

    async fn migrate(&self, collections: &[Collection]) -> Result<MigrationReport, StoreError> {
        for collection in collections {
            self.mapping(collection)?;
        }
        Ok(MigrationReport {
            unchanged: collections.len(),
            ..MigrationReport::default()
        })
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check_ready().await
    }

    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        self.find_weaknesses().await
    }
}
