//! A data folder: `log/` (with the lock that keeps other processes out), `store/`, `secret`. It
//! must never be opened by two processes.

use crate::{StandaloneError, secret};
use event_log::{Log, embedded};
use event_schema::signing::Keyring;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{Record, View};
use store_embedded::EmbeddedStore;

/// The open folder.
pub struct Folder {
    pub log: Log,
    pub record: Arc<dyn Record>,
    pub view: Arc<dyn View>,
    pub keys: Keyring,
    handle: embedded::Handle,
}

/// Where the secret is kept.
pub fn secret_of(data: &Path) -> PathBuf {
    data.join("secret")
}

impl Folder {
    /// Opens it, and makes what is missing. The lock comes first: nothing is touched before the
    /// folder is ours.
    pub async fn open(data: PathBuf) -> Result<Self, StandaloneError> {
        let opening = tokio::task::spawn_blocking(move || Self::open_blocking(&data));
        opening.await.unwrap_or_else(|error| {
            Err(StandaloneError::Service {
                service: "data folder",
                why: error.to_string(),
            })
        })
    }

    fn open_blocking(data: &Path) -> Result<Self, StandaloneError> {
        let (log, handle) = embedded::open(&data.join("log"), embedded::Options::default())?;
        let keys = secret::load_or_make(&secret_of(data))?;
        let folder = data.join("store");
        std::fs::create_dir_all(&folder).map_err(|source| StandaloneError::Folder {
            path: folder.clone(),
            source,
        })?;
        let store = Arc::new(EmbeddedStore::open(store_embedded::Config::new(
            folder.join("consign.sqlite"),
        ))?);
        Ok(Self {
            log,
            record: store.clone(),
            view: store,
            keys,
            handle,
        })
    }

    /// Writes down what is still queued and lets go of the folder.
    pub async fn close(self) {
        let Self {
            log,
            record,
            view,
            keys: _,
            handle,
        } = self;
        drop((log, record, view));
        handle.shutdown().await;
    }
}
