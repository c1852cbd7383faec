//! Stage: decided batches → stores, ledger, dead letters, feedback. Every write carries the version
//! its decision got in `changes`, so doing it twice, late, or after somebody else did it changes
//! nothing. It must never decide anything.

mod after;
mod fold;
mod stores;

use crate::{Worker, decide::Decided, lane::Halt};
use std::sync::Arc;

/// Applies for one partition.
pub(crate) struct Applier {
    worker: Arc<Worker>,
    partition: u16,
}

impl Applier {
    pub fn new(worker: Arc<Worker>, partition: u16) -> Self {
        Self { worker, partition }
    }

    /// Brings a batch to its end: when this returns, all of it is resolved.
    pub async fn apply(&self, decided: &mut Decided) -> Result<(), Halt> {
        let timer = self.worker.metrics.stage("apply");
        self.date(&mut decided.steps);
        if !self.whole(decided).await {
            self.stores(&decided.steps).await?;
            self.bury(decided).await?;
            self.remember(&decided.steps).await?;
        }
        self.tell(decided).await?;
        timer.observe_duration();
        Ok(())
    }
}
