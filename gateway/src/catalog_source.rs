//! Where a catalog is read again from while the service runs, and how that is asked for. What is read
//! is judged and gone by elsewhere ([`crate::catalog_reload`]).

use crate::error::{Code, Problem};
use catalog::{Catalog, CatalogError};
use parking_lot::Mutex;
use serde::Serialize;
use store::StoreError;
use tokio::sync::{mpsc, oneshot};

/// The place of the definitions that this process goes by.
#[async_trait::async_trait]
pub trait CatalogSource: Send + Sync {
    /// The definitions as they stand there now; it may block.
    fn read(&self) -> Result<Catalog, CatalogError>;
    /// Sees that the tables and collections stand that the next catalog declares.
    async fn prepare(&self, next: &Catalog, in_use: &Catalog) -> Result<(), StoreError>;
    /// Resolves when the process is asked from outside to read again.
    async fn asked(&self);
}

/// What reading again came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReloadedCatalog {
    /// In use now.
    pub version: String,
    pub before: String,
    pub operations: usize,
}

/// A reload that a caller waits for.
pub(crate) struct ReloadOrder {
    /// The caller's name.
    pub by: String,
    pub answer: oneshot::Sender<Result<ReloadedCatalog, Problem>>,
}

/// Asks the one task that reads again, and waits for what it came to.
pub(crate) struct ReloadRequests {
    asking: mpsc::Sender<ReloadOrder>,
    asked: Mutex<Option<mpsc::Receiver<ReloadOrder>>>,
}

impl Default for ReloadRequests {
    fn default() -> Self {
        let (asking, asked) = mpsc::channel(1);
        Self {
            asking,
            asked: Mutex::new(Some(asked)),
        }
    }
}

impl ReloadRequests {
    /// What is asked for, for the one task that carries it out: when that ends, nobody waits for it.
    pub(crate) fn take_requests(&self) -> Option<mpsc::Receiver<ReloadOrder>> {
        self.asked.lock().take()
    }

    pub(crate) async fn ask(&self, by: &str) -> Result<ReloadedCatalog, Problem> {
        let ended = || Problem::new(Code::ShuttingDown, "the gateway stops").retry_after(1);
        let (answer, answered) = oneshot::channel();
        let by = by.to_owned();
        let asked = self.asking.send(ReloadOrder { by, answer }).await;
        asked.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}
