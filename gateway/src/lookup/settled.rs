//! Is everything applied that was accepted before now? Each partition's mark tells.

use crate::app::App;
use collections::Settled;
use runtime::Backoff;
use std::time::Duration;
use store::StoreError;

/// The partitions of `transactions`, as this gateway sees them.
pub(crate) struct AppliedSoFar<'a>(pub &'a App);

#[async_trait::async_trait]
impl Settled for AppliedSoFar<'_> {
    async fn settled(&self) -> Result<(), StoreError> {
        let ports = &self.0.ports;
        for partition in 0..ports.layout.partitions {
            let offsets = ports.log.admin.offsets(&self.0.transactions, partition);
            let end = offsets.await.map_err(|error| StoreError::Unavailable {
                store: "log",
                why: error.to_string(),
            })?;
            self.passed(partition, end.end).await?;
        }
        Ok(())
    }
}

impl AppliedSoFar<'_> {
    /// Waits until everything of the partition below this offset is resolved.
    async fn passed(&self, partition: u16, end: u64) -> Result<(), StoreError> {
        let ports = &self.0.ports;
        let mut backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(100));
        if end == 0 {
            return Ok(());
        }
        loop {
            let mark = ports
                .record
                .mark(ports.layout.generation, partition)
                .await?;
            if mark.is_some_and(|mark| mark.next.get() >= end) {
                return Ok(());
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }
}
