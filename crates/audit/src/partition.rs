//! A partition of `changes`, read from where it begins and further whenever it is asked: the records
//! that count and stand, and how far everything is resolved.

use crate::ports::AuditError;
use change_feed::{StandingPositions, TenureRule};
use event_log::{Limits, Log, Offsets, Record};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Mark},
    offset::{ChangesOffset, Epoch},
};

/// A decision or void that counts and stands where it was read.
#[derive(Clone, Copy, Debug)]
pub struct StandingRecord<'a> {
    pub partition: u16,
    pub offset: ChangesOffset,
    /// Unix milliseconds: when the log took it.
    pub time: i64,
    pub change: &'a Change,
}

/// Where the fold of a partition is.
pub struct PartitionFold {
    pub partition: u16,
    /// The first offset that is kept.
    pub begins: u64,
    /// When the log took the first record that is kept.
    pub begins_at: Option<i64>,
    /// The offset after the last record that was read.
    pub next: u64,
    /// The last mark that counts.
    pub mark: Option<Mark>,
    topic: String,
    tenure: TenureRule,
    positions: StandingPositions,
}

impl PartitionFold {
    /// At the first record that the log keeps. `topic`: that of `changes`.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn begin(log: &Log, topic: &str, partition: u16) -> Result<Self, AuditError> {
        let offsets = log
            .admin
            .offsets(topic, partition)
            .await
            .map_err(|error| AuditError::Log(error.to_string()))?;
        let epoch = if offsets.earliest == 0 {
            None
        } else {
            epoch_before_first_open(log, topic, partition, offsets.earliest).await?
        };
        Ok(Self {
            partition,
            begins: offsets.earliest,
            begins_at: None,
            next: offsets.earliest,
            mark: None,
            topic: topic.to_owned(),
            tenure: TenureRule::in_force(epoch),
            positions: StandingPositions::default(),
        })
    }

    /// Reads up to the log's end as it is now. Where nothing was read yet, it begins at whatever the
    /// log keeps by now.
    ///
    /// # Errors
    /// If the log cannot be read, or records were deleted before they were read.
    pub async fn read_on(
        &mut self,
        log: &Log,
        mut take: impl FnMut(StandingRecord<'_>),
    ) -> Result<(), AuditError> {
        loop {
            match self.read_to_end(log, &mut take).await {
                Err(AuditError::Deleted { .. }) if self.next == self.begins => {
                    let topic = self.topic.clone();
                    *self = Self::begin(log, &topic, self.partition).await?;
                }
                other => return other,
            }
        }
    }

    async fn read_to_end(
        &mut self,
        log: &Log,
        take: &mut impl FnMut(StandingRecord<'_>),
    ) -> Result<(), AuditError> {
        let topic = self.topic.clone();
        let end = self.offsets(log).await?.end;
        let mut scan = log.scan(&topic, self.partition, self.next..end);
        loop {
            let read = scan.next().await;
            let read = read.map_err(|error| AuditError::Log(error.to_string()))?;
            let records = read.unwrap_or_default();
            let is_end = records.is_empty();
            self.take_kept(log, records, end, take).await?;
            if is_end {
                self.next = self.next.max(end);
                return Ok(());
            }
        }
    }

    /// Reads one batch below `end`; false: it is there.
    ///
    /// # Errors
    /// If the log cannot be read, or records were deleted before they were read.
    pub async fn read_batch(
        &mut self,
        log: &Log,
        end: u64,
        batch: Limits,
        mut take: impl FnMut(StandingRecord<'_>),
    ) -> Result<bool, AuditError> {
        let topic = self.topic.clone();
        let scan = log.scan(&topic, self.partition, self.next..end);
        let read = scan.in_batches_of(batch).next().await;
        let read = read.map_err(|error| AuditError::Log(error.to_string()))?;
        let has_records = read.is_some();
        let records = read.unwrap_or_default();
        self.take_kept(log, records, end, &mut take).await?;
        if !has_records {
            self.next = self.next.max(end);
        }
        Ok(has_records)
    }

    /// Takes what was read from `next` on. A reader passes over what is deleted and says nothing: a
    /// fold that lacks that would call what it changed wrong.
    async fn take_kept(
        &mut self,
        log: &Log,
        records: Vec<Record>,
        end: u64,
        take: &mut impl FnMut(StandingRecord<'_>),
    ) -> Result<(), AuditError> {
        if let Some(from) = self.first_gap(&records, end) {
            let earliest = self.offsets(log).await?.earliest;
            if earliest > from {
                let partition = self.partition;
                return Err(AuditError::Deleted {
                    partition,
                    from,
                    earliest,
                });
            }
        }
        self.take_records(records, take)
    }

    /// The first offset below `end` at which there is no record among these, which follow `next`.
    fn first_gap(&self, records: &[Record], end: u64) -> Option<u64> {
        let mut expected = self.next;
        for record in records {
            if record.offset != expected {
                return Some(expected);
            }
            expected += 1;
        }
        (records.is_empty() && expected < end).then_some(expected)
    }

    async fn offsets(&self, log: &Log) -> Result<Offsets, AuditError> {
        let offsets = log.admin.offsets(&self.topic, self.partition).await;
        offsets.map_err(|error| AuditError::Log(error.to_string()))
    }

    fn take_records(
        &mut self,
        records: Vec<Record>,
        take: &mut impl FnMut(StandingRecord<'_>),
    ) -> Result<(), AuditError> {
        for record in records {
            let time = record.timestamp;
            self.begins_at.get_or_insert(time);
            let (offset, change) = decode_record(self.partition, record)?;
            self.next = offset.get() + 1;
            if self.counts_change(offset, &change) {
                take(StandingRecord {
                    partition: self.partition,
                    offset,
                    time,
                    change: &change,
                });
            }
        }
        Ok(())
    }

    /// Everything up to here is resolved.
    pub fn through(&self) -> Option<ChangesOffset> {
        self.mark.as_ref().map(|mark| mark.through)
    }

    fn counts_change(&mut self, offset: ChangesOffset, change: &Change) -> bool {
        if !self.tenure.counts(offset, change) {
            return false;
        }
        match change {
            Change::Open(_) => false,
            Change::Mark(mark) => {
                self.positions.mark(mark);
                self.positions.forget_through(mark.through);
                self.mark = Some(mark.clone());
                false
            }
            Change::Decision(decision) => self.positions.decide(offset, decision),
            Change::Void(void) => self.positions.void(offset, void),
        }
    }
}

/// The tenure in force where the log begins in the middle of one: no record before the next `open`
/// can be of a newer one, so it is the newest that any of them names.
async fn epoch_before_first_open(
    log: &Log,
    topic: &str,
    partition: u16,
    from: u64,
) -> Result<Option<Epoch>, AuditError> {
    let failed = |error: event_log::StreamError| AuditError::Log(error.to_string());
    let mut scan = log
        .scan_kept(topic, partition, from)
        .await
        .map_err(failed)?;
    let mut epoch = None;
    let records = scan.next().await.map_err(failed)?;
    for record in records.into_iter().flatten() {
        let (_, change) = decode_record(partition, record)?;
        match change.place() {
            None => break,
            Some((named, _)) => epoch = epoch.max(Some(named)),
        }
    }
    Ok(epoch)
}

/// A record of `changes`.
pub(crate) fn decode_record(
    partition: u16,
    record: Record,
) -> Result<(ChangesOffset, Change), AuditError> {
    let offset = ChangesOffset::new(record.offset);
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    let change = codec::decode_change(&parts).map_err(|error| {
        AuditError::Log(format!(
            "offset {offset} of partition {partition} of `changes` cannot be read: {error}"
        ))
    })?;
    Ok((offset, change))
}
