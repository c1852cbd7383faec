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

#[derive(Debug, Default)]
struct ModelPartition {
    /// What lies before was deleted: nobody is given it, and only a history's end looks at it.
    earliest: u64,
    records: Vec<Record>,
    end: Arc<Signal<u64>>,
    /// Where the partition ended each time when it lost its tail.
    cuts: Vec<u64>,
    /// What it had acknowledged, and lost.
    lost: Vec<Record>,
    /// How often its topic was made again.
    made: u32,
    /// How far notifiers have come, and what was deleted that they had not.
    notified: Option<u64>,
    deleted_too_much: Option<String>,
}

impl ModelPartition {
    fn read(&self, from: u64, until: u64) -> &[Record] {
        let at = |offset: u64| offset.min(self.end()) as usize;
        let (from, until) = (at(from), at(until));
        &self.records[from..until.max(from)]
    }

    fn end(&self) -> u64 {
        self.records.len() as u64
    }

    fn cut(&mut self, end: u64) {
        self.lost.extend(self.records.drain(end as usize..));
        self.earliest = self.earliest.min(end);
        self.cuts.push(end);
        self.end.set(end);
    }
}

impl ModelLog {
    #[must_use]
    pub fn new(start: Instant, topics: &[(Arc<str>, u16)]) -> Self {
        let partition =
            |topic: &Arc<str>, number| ((topic.clone(), number), ModelPartition::default());
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

    /// All records of a partition, the deleted ones too.
    #[must_use]
    pub fn all(&self, topic: &str, partition: u16) -> Vec<Record> {
        let read = |partition: &ModelPartition| partition.records.clone();
        self.of(topic, partition, read).unwrap_or_default()
    }

    /// A record, whether it was deleted or not.
    #[must_use]
    pub fn record_at(&self, topic: &str, partition: u16, offset: u64) -> Option<Record> {
        let read = |partition: &ModelPartition| partition.records.get(offset as usize).cloned();
        self.of(topic, partition, read)?
    }

    /// All records that stand at this offset or stood there before they were lost.
    #[must_use]
    pub fn ever_at(&self, topic: &str, partition: u16, offset: u64) -> Vec<Record> {
        let read = |partition: &ModelPartition| {
            let lost = partition.lost.iter().filter(|lost| lost.offset == offset);
            let stands = partition.records.get(offset as usize);
            stands.into_iter().chain(lost).cloned().collect()
        };
        self.of(topic, partition, read).unwrap_or_default()
    }

    /// What a partition gives to whoever reads it.
    #[must_use]
    pub fn read(&self, topic: &str, partition: u16, from: u64, until: u64) -> Vec<Record> {
        let read = |partition: &ModelPartition| {
            let from = from.max(partition.earliest);
            partition.read(from, until).to_vec()
        };
        self.of(topic, partition, read).unwrap_or_default()
    }

    fn of<T>(
        &self,
        topic: &str,
        partition: u16,
        act: impl FnOnce(&ModelPartition) -> T,
    ) -> Option<T> {
        let partitions = self.partitions.lock();
        partitions.get(&(Arc::from(topic), partition)).map(act)
    }

    fn change<T>(
        &self,
        topic: &str,
        partition: u16,
        act: impl FnOnce(&mut ModelPartition) -> T,
    ) -> Option<T> {
        let mut partitions = self.partitions.lock();
        partitions.get_mut(&(Arc::from(topic), partition)).map(act)
    }

    #[must_use]
    pub fn offsets(&self, topic: &str, partition: u16) -> Option<Offsets> {
        self.of(topic, partition, |partition| Offsets {
            earliest: partition.earliest,
            end: partition.end(),
        })
    }

    pub(crate) fn ends(&self, topic: &str, partition: u16) -> Option<Arc<Signal<u64>>> {
        self.of(topic, partition, |partition| partition.end.clone())
    }

    /// False if there is no such partition, or it ends before.
    pub fn delete_before(&self, topic: &str, partition: u16, offset: u64) -> bool {
        let delete = |partition: &mut ModelPartition| {
            if offset > partition.end() {
                return false;
            }
            if let Some(notified) = partition.notified.filter(|notified| *notified < offset) {
                let what = format!("deleted up to {offset}, notifiers are at {notified}");
                partition.deleted_too_much.get_or_insert(what);
            }
            partition.earliest = partition.earliest.max(offset);
            true
        };
        self.change(topic, partition, delete).unwrap_or(false)
    }

    /// The server loses the last records, which it had acknowledged.
    pub fn lose_tail(&self, topic: &str, partition: u16, count: u64) {
        self.change(topic, partition, |partition| {
            partition.cut(partition.end().saturating_sub(count));
        });
    }

    /// The topic is deleted and made again, here for one partition of it.
    pub fn make_anew(&self, topic: &str, partition: u16) {
        self.change(topic, partition, |partition| {
            partition.cut(0);
            partition.made += 1;
        });
    }

    /// The id of a topic, which a topic of the same name that was made later does not have.
    #[must_use]
    pub fn topic_id(&self, topic: &str) -> String {
        let partitions = self.partitions.lock();
        let made = partitions
            .iter()
            .filter(|((name, _), _)| &**name == topic)
            .map(|(_, partition)| partition.made);
        format!("{topic} made {} times", made.sum::<u32>() + 1)
    }

    /// How often a partition lost its tail, and the lowest end that it had since so many losses.
    #[must_use]
    pub(crate) fn cuts(&self, topic: &str, partition: u16, since: usize) -> (usize, Option<u64>) {
        let cuts = |partition: &ModelPartition| {
            let lowest = partition.cuts.iter().skip(since).min().copied();
            (partition.cuts.len(), lowest)
        };
        self.of(topic, partition, cuts).unwrap_or((0, None))
    }

    /// Notifiers have read up to here.
    pub fn notify(&self, topic: &str, partition: u16, offset: u64) {
        self.change(topic, partition, |partition| {
            partition.notified = Some(partition.notified.unwrap_or(0).max(offset));
        });
    }

    #[must_use]
    pub fn notified(&self, topic: &str, partition: u16) -> Option<u64> {
        self.of(topic, partition, |partition| partition.notified)?
    }

    /// What was deleted before notifiers had read it.
    #[must_use]
    pub fn deleted_too_much(&self) -> Option<String> {
        let partitions = self.partitions.lock();
        partitions
            .values()
            .find_map(|partition| partition.deleted_too_much.clone())
    }
}
