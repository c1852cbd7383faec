//! Reading a range of a partition from its beginning to its end, batch by batch. It never takes a
//! log that answers late for one that has nothing more: that is an error.

use crate::{
    Log,
    consumer::{Limits, StreamError},
    record::Record,
};
use std::{ops::Range, time::Duration};

const BATCH: Limits = Limits {
    records: 2_000,
    bytes: 16 << 20,
};
const PATIENCE: Duration = Duration::from_secs(10);

/// The records of a range that is being read. Made by [`Log::scan`] and [`Log::scan_kept`].
#[must_use]
pub struct RangeScan<'a> {
    log: &'a Log,
    topic: &'a str,
    partition: u16,
    /// The offset to go on at, and the one to stop before.
    left: Range<u64>,
    batch: Limits,
    patience: Duration,
}

impl Log {
    /// All records with an offset in `range` that exist.
    pub fn scan<'a>(&'a self, topic: &'a str, partition: u16, range: Range<u64>) -> RangeScan<'a> {
        RangeScan {
            log: self,
            topic,
            partition,
            left: range,
            batch: BATCH,
            patience: PATIENCE,
        }
    }

    /// All records from `from` on that the log keeps, up to its end as it is now.
    pub async fn scan_kept<'a>(
        &'a self,
        topic: &'a str,
        partition: u16,
        from: u64,
    ) -> Result<RangeScan<'a>, StreamError> {
        let offsets = self.admin.offsets(topic, partition).await;
        let offsets = offsets.map_err(|error| StreamError::Unavailable(error.to_string()))?;
        Ok(self.scan(topic, partition, from.max(offsets.earliest)..offsets.end))
    }
}

impl RangeScan<'_> {
    /// At most so much in one batch.
    pub fn in_batches_of(mut self, batch: Limits) -> Self {
        self.batch = batch;
        self
    }

    /// How long one batch may take before the log counts as out of reach.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The next records; `None`: the range holds no more. After an error it goes on where it was.
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, StreamError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let read = self.log.reader.read(
            self.topic,
            self.partition,
            self.left.start,
            self.left.end,
            self.batch,
            self.patience,
        );
        let records = read.await?;
        self.left.start = records
            .last()
            .map_or(self.left.end, |record| record.offset + 1);
        Ok((!records.is_empty()).then_some(records))
    }

    /// The rest, at once. For what is known to be small.
    pub async fn collect(mut self) -> Result<Vec<Record>, StreamError> {
        let mut all = Vec::new();
        while let Some(records) = self.next().await? {
            all.extend(records);
        }
        Ok(all)
    }

    /// Is nothing left to read?
    pub fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    /// The offset before which it stops.
    pub fn end(&self) -> u64 {
        self.left.end
    }

    /// Leaves out what stands before `offset`.
    pub fn skip_to(&mut self, offset: u64) {
        self.left.start = self.left.start.max(offset);
    }
}
