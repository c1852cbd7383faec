//! The definitions by which events are planned: each event names the catalog version it was made
//! by, and is planned by that one, now and in every replay. Versions this worker was not built with
//! travel in the topic `catalog`; until one is found there, its events wait.

use crate::{Worker, decode, tenure_end::TenureEnd};
use catalog::Catalog;
use event_schema::{codec, topics};
use parking_lot::RwLock;
use std::collections::HashMap;

/// Every version known to this process.
pub(crate) struct Catalogs {
    known: RwLock<HashMap<String, Catalog>>,
}

impl Catalogs {
    pub fn new(own: Catalog) -> Self {
        Self {
            known: RwLock::new(HashMap::from([(own.version().to_owned(), own)])),
        }
    }

    pub fn get(&self, version: &str) -> Option<Catalog> {
        self.known.read().get(version).cloned()
    }
}

impl Worker {
    /// Returns when the version is known: an old worker waits for definitions that are newer than
    /// it, it never guesses.
    pub(crate) async fn learn_catalog(&self, version: &str) -> Result<(), TenureEnd> {
        let mut backoff = self.config.backoff();
        while self.catalogs.get(version).is_none() {
            if backoff.attempts() > 0 {
                self.metrics.retried("catalog");
                tracing::warn!(
                    version,
                    "waiting for a catalog version that is not published yet"
                );
                tokio::time::sleep(backoff.next_wait()).await;
            }
            backoff.next_wait();
            self.read_catalogs().await?;
        }
        Ok(())
    }

    async fn read_catalogs(&self) -> Result<(), TenureEnd> {
        let topic = self.ports.layout.name(&topics::CATALOG);
        let retake = |error: &dyn std::fmt::Display| {
            TenureEnd::Reclaim(format!("the topic of catalogs cannot be read: {error}"))
        };
        let kept = self.ports.log.scan_kept(&topic, 0, 0).await;
        let mut scan = kept.map_err(|error| retake(&error))?;
        while let Some(records) = scan.next().await.map_err(|error| retake(&error))? {
            for record in &records {
                match codec::decode_catalog(&decode::record_parts(record))
                    .map(|definitions| Catalog::from_definitions(&definitions))
                {
                    Ok(Ok(catalog)) => {
                        _ = self
                            .catalogs
                            .known
                            .write()
                            .insert(catalog.version().to_owned(), catalog)
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(%error, offset = record.offset, "a published catalog cannot be used by this version")
                    }
                    Err(error) => {
                        tracing::warn!(%error, offset = record.offset, "a record of the catalog topic cannot be read")
                    }
                }
            }
        }
        Ok(())
    }
}
