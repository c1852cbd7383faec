//! Which partitions have nothing half done any more: whoever must not read a store before it holds
//! all that was ever answered as applied waits here. A store on files may have lost the last of it
//! in a cut of the power; the worker applies it again when it takes a partition.

use std::collections::BTreeSet;
use tokio::sync::watch;

/// Partitions that were taken and finished since the start. Clones share it.
#[derive(Clone, Debug)]
pub struct Finished(watch::Sender<BTreeSet<u16>>);

impl Default for Finished {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeSet::new()))
    }
}

impl Finished {
    /// What stood in the partition is applied, or will not be until a person acts.
    pub(crate) fn add(&self, partition: u16) {
        self.0
            .send_if_modified(|partitions| partitions.insert(partition));
    }

    /// Waits for so many partitions.
    pub async fn partitions(&self, count: u16) {
        let mut seen = self.0.subscribe();
        // The sender is held here.
        _ = seen
            .wait_for(|partitions| partitions.len() >= usize::from(count))
            .await;
    }
}
