//! The queues of the partition's keys, read when all that was decided is applied.

use super::PartitionTask;
use crate::{decide::KeyQueues, record_retry::RecordPart, tenure_end::TenureEnd};
use event_schema::{
    held::{self, KeyLock},
    id::EntityKey,
    topics::TRANSACTIONS,
};
use futures::future::try_join_all;
use store::document::RowScan;

/// Rows of a bucket that are read at a time.
const PAGE: usize = 1_000;

impl PartitionTask {
    pub(super) async fn key_queues(&self) -> Result<KeyQueues, TenureEnd> {
        let partitions = self.worker.ports.layout.partitions(&TRANSACTIONS);
        let buckets = held::partition_buckets(self.partition, partitions);
        let locks = buckets.map(|bucket| self.locks_of(bucket));
        let locks = try_join_all(locks).await?;
        let queues: Vec<(EntityKey, KeyLock)> = locks.into_iter().flatten().collect();
        if !queues.is_empty() {
            let keys = queues.len();
            tracing::info!(partition = self.partition, keys, "keys with held events");
        }
        Ok(KeyQueues::stored(queues))
    }

    /// Those of the bucket whose keys lead to this partition.
    async fn locks_of(&self, bucket: u16) -> Result<Vec<(EntityKey, KeyLock)>, TenureEnd> {
        let layout = &self.worker.ports.layout;
        let partitions = layout.partitions(&TRANSACTIONS);
        let record = &self.worker.ports.record;
        let mut scan = RowScan {
            table: held::LOCKS.to_owned(),
            partition: held::bucket_key(bucket),
            after: None,
            limit: PAGE,
        };
        let mut locks = Vec::new();
        loop {
            let page = self
                .worker
                .retry_until_answered(RecordPart::Contents, || record.scan_rows(&scan))
                .await?;
            let is_last = page.len() < PAGE;
            for (row, stored) in page {
                let (key, lock) = held::read_lock(&row, &stored.cells)
                    .map_err(|error| TenureEnd::Halted(error.to_string()))?;
                scan.after = Some(key.0.clone());
                if key.partition(partitions) == self.partition {
                    locks.push((key, lock));
                }
            }
            if is_last {
                return Ok(locks);
            }
        }
    }
}
