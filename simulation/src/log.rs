//! The log: partitions in memory, shared by all processes.

use crate::{process::BEGIN, signal::Signal};
use event_log::{NewRecord, Offsets, Record};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;

/// A topic and one of its partitions.
pub(crate) type TopicPartition = (Arc<str>, u16);

/// All topics.
#[derive(Debug)]
pub struct ModelLog {
    start: Instant,
    partitions: Mutex<BTreeMap<TopicPartition, ModelPartition>>,
}

#[derive(Debug)]
struct ModelPartition {
    earliest: u64,
    records: Vec<Record>,
    end: Arc<Signal<u64>>,
}

impl ModelPartition {
    fn read(&self, from: u64, until: u64) -> &[Record] {
        let end = self.end();
        let at = |offset: u64| (offset.clamp(self.earliest, end) - self.earliest) as usize;
        let (from, until) = (at(from), at(until));
        &self.records[from..until.max(from)]
    }

    fn end(&self) -> u64 {
        self.earliest + self.records.len() as u64
    }
}

impl ModelLog {
    #[must_use]
    pub fn new(start: Instant, topics: &[(Arc<str>, u16)]) -> Self {
        let partition = |topic: &Arc<str>, number| {
            let partition = ModelPartition {
                earliest: 0,
                records: Vec::new(),
                end: Arc::default(),
            };
            ((topic.clone(), number), partition)
        };
        let partitions = topics
            .iter()
            .flat_map(|(topic, count)| (0..*count).map(move |number| partition(topic, number)))
            .collect();
        Self {
            start,
            partitions: Mutex::new(partitions),
        }
    }

    pub fn append(&self, record: NewRecord) -> Option<u64> {
        let mut partitions = self.partitions.lock();
        let partition = partitions.get_mut(&(record.topic, record.partition))?;
        let offset = partition.end();
        partition.records.push(Record {
            partition: record.partition,
            offset,
            timestamp: BEGIN + i64::try_from(self.start.elapsed().as_millis()).unwrap_or(0),
            key: record.key,
            value: record.value,
            headers: record.headers,
        });
        partition.end.set(partition.end());
        Some(offset)
    }

    /// All records that a partition holds.
    #[must_use]
    pub fn all(&self, topic: &str, partition: u16) -> Vec<Record> {
        self.read(topic, partition, 0, u64::MAX)
    }

    #[must_use]
    pub fn read(&self, topic: &str, partition: u16, from: u64, until: u64) -> Vec<Record> {
        let partitions = self.partitions.lock();
        let partition = partitions.get(&(Arc::from(topic), partition));
        partition.map_or_else(Vec::new, |partition| partition.read(from, until).to_vec())
    }

    #[must_use]
    pub fn offsets(&self, topic: &str, partition: u16) -> Option<Offsets> {
        let partitions = self.partitions.lock();
        let partition = partitions.get(&(Arc::from(topic), partition))?;
        Some(Offsets {
            earliest: partition.earliest,
            end: partition.end(),
        })
    }

    pub(crate) fn ends(&self, topic: &str, partition: u16) -> Option<Arc<Signal<u64>>> {
        let partitions = self.partitions.lock();
        let partition = partitions.get(&(Arc::from(topic), partition))?;
        Some(partition.end.clone())
    }

    /// False if there is no such partition, or it ends before.
    pub fn delete_before(&self, topic: &str, partition: u16, offset: u64) -> bool {
        let mut partitions = self.partitions.lock();
        let Some(partition) = partitions.get_mut(&(Arc::from(topic), partition)) else {
            return false;
        };
        if offset > partition.end() {
            return false;
        }
        let gone = offset.saturating_sub(partition.earliest) as usize;
        partition.records.drain(..gone);
        partition.earliest = partition.earliest.max(offset);
        true
    }
}
