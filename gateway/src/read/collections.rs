//! Collections by name, from memory. A collection that is not known is asked for; one that is known
//! may have been dropped since, and then the worker refuses the write by its incarnation.

use crate::{
    access::system,
    error::{Code, Problem},
    request::path,
};
use parking_lot::RwLock;
use runtime::Shutdown;
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::{Collection, Record, StoreError};
use tracing::debug;

type ByName = HashMap<String, HashMap<String, Arc<Collection>>>;

/// The table, read anew from time to time.
#[derive(Clone)]
pub(crate) struct Collections {
    record: Arc<dyn Record>,
    known: Arc<RwLock<ByName>>,
}

impl Collections {
    pub(crate) fn new(record: Arc<dyn Record>) -> Self {
        Self {
            record,
            known: Arc::default(),
        }
    }

    /// The collection, or a 404, also where the service keeps it for itself.
    pub(crate) async fn get(&self, index: &str, name: &str) -> Result<Arc<Collection>, Problem> {
        let found = if system::is_index(index) {
            None
        } else {
            self.find(index, name).await?
        };
        found.ok_or_else(|| {
            let detail = format!(
                "there is no collection `{}/{}`",
                path::shorten_text(index),
                path::shorten_text(name)
            );
            Problem::new(Code::UnknownCollection, detail)
        })
    }

    /// One that the service keeps for itself, if it was made.
    pub(crate) async fn system(&self, name: &str) -> Result<Option<Arc<Collection>>, StoreError> {
        self.find(system::INDEX, name).await
    }

    async fn find(&self, index: &str, name: &str) -> Result<Option<Arc<Collection>>, StoreError> {
        if let Some(known) = self.cached(index, name) {
            return Ok(Some(known));
        }
        let found = self.record.collection(index, name).await?;
        Ok(found.map(|collection| self.put(collection)))
    }

    /// The one that stands now, asked for; memory is set right. `None`: there is none (any more).
    pub(crate) async fn renew(
        &self,
        index: &str,
        name: &str,
    ) -> Result<Option<Arc<Collection>>, StoreError> {
        match self.record.collection(index, name).await? {
            Some(collection) => Ok(Some(self.put(collection))),
            None => {
                self.forget(index, name);
                Ok(None)
            }
        }
    }

    /// It is gone.
    pub(crate) fn forget(&self, index: &str, name: &str) {
        if let Some(collections) = self.known.write().get_mut(index) {
            collections.remove(name);
        }
    }

    /// What memory holds; asks nobody.
    pub(crate) fn cached(&self, index: &str, name: &str) -> Option<Arc<Collection>> {
        self.known.read().get(index)?.get(name).cloned()
    }

    pub(crate) fn put(&self, collection: Collection) -> Arc<Collection> {
        let collection = Arc::new(collection);
        let mut known = self.known.write();
        known
            .entry(collection.index.clone())
            .or_default()
            .insert(collection.collection.clone(), collection.clone());
        collection
    }

    /// All of them, fresh, but for those that the service keeps for itself.
    pub(crate) async fn list(&self) -> Result<Vec<Collection>, StoreError> {
        let mut list = self.record.collections().await?;
        list.sort_by(|a, b| (&a.index, &a.collection).cmp(&(&b.index, &b.collection)));
        let mut fresh = ByName::new();
        for collection in &list {
            fresh
                .entry(collection.index.clone())
                .or_default()
                .insert(collection.collection.clone(), Arc::new(collection.clone()));
        }
        *self.known.write() = fresh;
        list.retain(|collection| !system::is_index(&collection.index));
        Ok(list)
    }

    /// Reads the table anew until shutdown.
    pub(crate) async fn follow(self, every: Duration, shutdown: Shutdown) {
        loop {
            if let Err(error) = self.list().await {
                debug!(%error, "the list of collections cannot be read; the last known list stays in use");
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}
