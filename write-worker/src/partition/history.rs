//! Reading a partition of the log by offsets: `changes` from one offset to another, or just the
//! records at some offsets, a bounded batch at a time. It keeps nothing.

use super::PartitionTask;
use crate::{decode, tenure_end::TenureEnd};
use event_log::{Limits, Record};
use event_schema::{
    codec,
    decision::{Change, OriginalRecord},
    offset::{ChangesOffset, TransactionsOffset},
    position::Position,
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

const READ_AT_ONCE: Limits = Limits {
    records: 2_000,
    bytes: 16 << 20,
};

/// Two records this far apart are read by one call rather than by two.
const NEAR: u64 = 200;

impl PartitionTask {
    /// The next records of `changes` from `from` on, before `until`, decoded; at least one.
    pub(super) async fn read_changes(
        &self,
        from: ChangesOffset,
        until: ChangesOffset,
    ) -> Result<Vec<(ChangesOffset, Change)>, TenureEnd> {
        let topic = &self.worker.topics.changes;
        let records = self.read_topic(topic, from.get(), until.get()).await?;
        if records.is_empty() {
            let why = format!("`changes` could not be read from {from}");
            return Err(TenureEnd::Reclaim(why));
        }
        let decoded = records.iter().map(|record| {
            let change = codec::decode_change(&decode::record_parts(record)).map_err(|error| {
                TenureEnd::Halted(format!(
                    "offset {} of `changes` cannot be read: {error}",
                    record.offset
                ))
            })?;
            Ok((ChangesOffset::new(record.offset), change))
        });
        decoded.collect()
    }

    /// The records of `changes` at these offsets (in order). One that is missing is left out.
    pub(super) async fn changes_at(
        &self,
        offsets: &[ChangesOffset],
    ) -> Result<BTreeMap<ChangesOffset, Change>, TenureEnd> {
        let mut found = BTreeMap::new();
        for (first, last) in offset_runs(offsets.iter().map(|offset| offset.get())) {
            let (mut from, until) = (ChangesOffset::new(first), ChangesOffset::new(last + 1));
            while from < until {
                let changes = self.read_changes(from, until).await?;
                from = changes.last().map_or(until, |(offset, _)| offset.next());
                let wanted = changes
                    .into_iter()
                    .filter(|(offset, _)| offsets.binary_search(offset).is_ok());
                found.extend(wanted);
            }
        }
        Ok(found)
    }

    /// The events at these positions, byte for byte, where `transactions` of this generation still
    /// has them.
    pub(super) async fn events_at(
        &self,
        positions: impl Iterator<Item = Position>,
    ) -> Result<HashMap<Position, OriginalRecord>, TenureEnd> {
        let generation = self.worker.ports.layout.generation;
        let mut wanted: Vec<TransactionsOffset> = positions
            .filter(|position| {
                (position.generation, position.partition) == (generation, self.partition)
            })
            .map(|position| position.offset)
            .collect();
        wanted.sort_unstable();
        let mut events = HashMap::with_capacity(wanted.len());
        for (first, last) in offset_runs(wanted.iter().map(|offset| offset.get())) {
            let mut from = first;
            while from <= last {
                let topic = &self.worker.topics.transactions;
                let records = self.read_topic(topic, from, last + 1).await?;
                let Some(end) = records.last() else { break };
                from = end.offset + 1;
                for record in &records {
                    let offset = TransactionsOffset::new(record.offset);
                    if wanted.binary_search(&offset).is_ok() {
                        let event = OriginalRecord::of(&decode::record_parts(record));
                        events.insert(self.worker.position_at(self.partition, offset), event);
                    }
                }
            }
        }
        Ok(events)
    }

    /// The record of `transactions` at this offset; `None` if it is not kept.
    pub(super) async fn event_record(
        &self,
        offset: TransactionsOffset,
    ) -> Result<Option<Record>, TenureEnd> {
        let topic = &self.worker.topics.transactions;
        let records = self
            .read_topic(topic, offset.get(), offset.get() + 1)
            .await?;
        Ok(records.into_iter().next())
    }

    /// The records of `transactions` from one offset to another, as far as they are kept.
    pub(super) async fn event_records(
        &self,
        from: u64,
        until: u64,
    ) -> Result<Vec<Record>, TenureEnd> {
        let topic = &self.worker.topics.transactions;
        let (mut records, mut next) = (Vec::new(), from);
        while next < until {
            let some = self.read_topic(topic, next, until).await?;
            let Some(last) = some.last() else { break };
            next = last.offset + 1;
            records.extend(some);
        }
        Ok(records)
    }

    async fn read_topic(
        &self,
        topic: &str,
        from: u64,
        until: u64,
    ) -> Result<Vec<Record>, TenureEnd> {
        let reader = &self.worker.ports.log.reader;
        let wait = Duration::from_secs(30);
        let read = reader.read(topic, self.partition, from, until, READ_AT_ONCE, wait);
        Ok(read.await?)
    }
}

/// Stretches (first, last) that hold all of these offsets, each read at once.
fn offset_runs(offsets: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for offset in offsets {
        match runs.last_mut() {
            Some((_, last)) if offset <= *last + NEAR => *last = offset,
            _ => runs.push((offset, offset)),
        }
    }
    runs
}
