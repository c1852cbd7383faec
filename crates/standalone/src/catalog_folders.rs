//! The folders of the catalog, read again while a gateway runs. It judges nothing but what stands in
//! the stores.

use crate::prepare;
use catalog::{Catalog, CatalogError};
use gateway::CatalogSource;
use runtime::SystemClock;
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};
use store::{Record, StoreError, View};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
};

/// See the module's header.
pub struct CatalogFolders {
    folders: Vec<PathBuf>,
    record: Arc<dyn Record>,
    view: Option<Arc<dyn View>>,
    hang_ups: Option<Mutex<Signal>>,
}

impl CatalogFolders {
    /// `by_signal`: SIGHUP asks to read again. Where it does not, it ends the process, as a terminal
    /// that is closed would have it.
    pub fn new(
        folders: Vec<PathBuf>,
        record: Arc<dyn Record>,
        view: Option<Arc<dyn View>>,
        by_signal: bool,
    ) -> Self {
        let hang_ups = by_signal.then(|| signal(SignalKind::hangup()));
        let hang_ups = hang_ups.and_then(|listening| {
            let failed = |error| tracing::warn!(%error, "SIGHUP cannot be handled");
            listening.map_err(failed).ok()
        });
        Self {
            folders,
            record,
            view,
            hang_ups: hang_ups.map(Mutex::new),
        }
    }

    async fn prepared(&self, catalog: &Catalog) -> Result<BTreeSet<String>, StoreError> {
        let (record, view) = (self.record.as_ref(), self.view.as_deref());
        let prepared = prepare::prepare_stores(catalog, record, view, &SystemClock).await?;
        Ok(prepared.drift().map(str::to_owned).collect())
    }
}

#[async_trait::async_trait]
impl CatalogSource for CatalogFolders {
    fn read(&self) -> Result<Catalog, CatalogError> {
        Catalog::load(&self.folders)
    }

    async fn prepare(&self, next: &Catalog, in_use: &Catalog) -> Result<(), StoreError> {
        let drift = self.prepared(next).await?;
        // What differs already was known when this process began.
        let known = self.prepared(in_use).await?;
        let new: Vec<&str> = drift.difference(&known).map(String::as_str).collect();
        if new.is_empty() {
            Ok(())
        } else {
            Err(StoreError::NotMigrated {
                store: self.record.name(),
                why: format!(
                    "what stands is not what the catalog declares: {}",
                    new.join("; ")
                ),
            })
        }
    }

    async fn asked(&self) {
        match &self.hang_ups {
            Some(hang_ups) => {
                hang_ups.lock().await.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}
