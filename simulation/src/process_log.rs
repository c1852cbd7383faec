//! What one process sees of the log. Its records land late, in the order of its calls; one may be
//! lost and those behind it land all the same, one may land twice, and all of them land when the
//! process is dead or frozen.

use crate::{
    faults::{FaultKind, Faults},
    log::{ModelLog, TopicPartition},
    process::ModelProcess,
    signal::Signal,
};
use event_log::{
    Admin, AdminError, Appended, Delivery, DeliveryError, Durability, Limits, NewRecord, Offsets,
    PartitionStream, Publisher, Record, SendError, StreamError, TopicProblem, TopicSpec, Weakness,
    consumer::{From, Reader},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// A record on its way, and who waits for it.
type RecordOnItsWay = (NewRecord, event_log::DeliverySender);

/// What one process has of the log.
pub(crate) struct ProcessLog {
    log: Arc<ModelLog>,
    pub process: ModelProcess,
    faults: Faults,
    /// Records of one partition that may be on their way.
    line: usize,
    /// For each partition the records that are on their way, in order.
    lines: Mutex<HashMap<TopicPartition, mpsc::Sender<RecordOnItsWay>>>,
}

/// How often a record on its way looks whether the log takes it.
const LOOK: Duration = Duration::from_millis(20);

impl ProcessLog {
    pub fn new(log: Arc<ModelLog>, process: ModelProcess, faults: Faults, line: usize) -> Self {
        Self {
            log,
            process,
            faults,
            line,
            lines: Mutex::default(),
        }
    }

    /// How far notifiers are.
    pub fn notified(&self, topic: &str, partition: u16) -> Option<u64> {
        self.log.notified(topic, partition)
    }

    fn line(&self, topic: &Arc<str>, partition: u16) -> mpsc::Sender<RecordOnItsWay> {
        let mut lines = self.lines.lock();
        let line = lines
            .entry((topic.clone(), partition))
            .or_insert_with(|| self.start_line());
        line.clone()
    }

    fn start_line(&self) -> mpsc::Sender<RecordOnItsWay> {
        let (sender, mut sent) = mpsc::channel::<RecordOnItsWay>(self.line);
        let (log, process, faults) = (self.log.clone(), self.process.clone(), self.faults.clone());
        runtime::spawn("simulated", async move {
            while let Some((record, reply)) = sent.recv().await {
                if !process.dice.once_in(3) {
                    tokio::time::sleep(process.way()).await;
                }
                while faults.is_transactions_away() && record.topic.starts_with("transactions") {
                    tokio::time::sleep(LOOK).await;
                }
                let partition = record.partition;
                let is_change = record.topic.starts_with("changes");
                if is_change && faults.strikes(FaultKind::LostRecords, 60) {
                    reply.send(Err(DeliveryError::Unknown("it was lost".into())));
                    continue;
                }
                let again = faults
                    .strikes(FaultKind::DoubledRecords, 60)
                    .then(|| record.clone());
                let offset = log.append(record);
                if let Some(again) = again {
                    log.append(again);
                }
                let answer = offset.map(|offset| Appended {
                    partition,
                    offset,
                    timestamp: -1,
                });
                let answer = answer.ok_or(DeliveryError::Rejected("no such partition".into()));
                let answered = process.clone();
                runtime::spawn("simulated", async move {
                    answered.pass().await;
                    // Whoever waited may be gone.
                    reply.send(answer);
                });
            }
        });
        sender
    }

    pub fn stream(
        &self,
        topic: &str,
        partition: u16,
        offset: u64,
        revoked: Option<Arc<Signal<bool>>>,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let away = || StreamError::Unavailable("there is no such partition".into());
        let offsets = self.log.offsets(topic, partition).ok_or_else(away)?;
        if !(offsets.earliest..=offsets.end).contains(&offset) {
            return Err(StreamError::OutOfRange {
                wanted: offset,
                earliest: offsets.earliest,
                end: offsets.end,
            });
        }
        let ends = self.log.ends(topic, partition).ok_or_else(away)?;
        let (cuts, _) = self.log.cuts(topic, partition, 0);
        Ok(Box::new(ModelStream {
            log: self.log.clone(),
            process: self.process.clone(),
            place: (topic.to_owned(), partition),
            next: offset,
            cuts,
            ends,
            revoked,
        }))
    }
}

struct ModelStream {
    log: Arc<ModelLog>,
    process: ModelProcess,
    place: (String, u16),
    next: u64,
    /// How often the partition had lost its tail when this stream began.
    cuts: usize,
    ends: Arc<Signal<u64>>,
    revoked: Option<Arc<Signal<bool>>>,
}

/// Ends when the partition is taken away.
async fn until_revoked(revoked: Option<&Signal<bool>>) {
    match revoked {
        Some(revoked) => revoked.wait_for(|is_revoked| is_revoked).await,
        None => std::future::pending().await,
    }
}

#[async_trait::async_trait]
impl PartitionStream for ModelStream {
    async fn next(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError> {
        self.process.pass().await;
        // A log that lost its tail may have grown to the same end since.
        let is_told = |end: u64| end != self.next || self.look_for_cuts().is_err();
        tokio::select! {
            biased;
            () = until_revoked(self.revoked.as_deref()) => return Err(StreamError::Revoked),
            () = self.ends.wait_for(is_told) => {}
        }
        self.look_for_cuts()?;
        let most = (1 + self.process.dice.roll(8)).min(limits.records as u64);
        let (topic, partition) = &self.place;
        let records = self
            .log
            .read(topic, *partition, self.next, self.next + most);
        self.next += records.len() as u64;
        Ok(records)
    }

    fn end(&self) -> u64 {
        self.ends.get()
    }
}

impl ModelStream {
    /// Brokers tell a reader that records were lost which it had read (KIP-320).
    fn look_for_cuts(&self) -> Result<(), StreamError> {
        let (topic, partition) = &self.place;
        let (_, lowest) = self.log.cuts(topic, *partition, self.cuts);
        match lowest {
            Some(lowest) if lowest < self.next => Err(StreamError::TailLost {
                wanted: self.next,
                end: self.ends.get(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Publisher for ProcessLog {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let (reply, delivery) = Delivery::pair();
        let line = self.line(&record.topic, record.partition);
        match line.try_send((record, reply)) {
            Ok(()) => Ok(delivery),
            Err(full) => Err(SendError {
                why: event_log::Refused::QueueFull,
                record: Box::new(full.into_inner().0),
            }),
        }
    }

    async fn flush(&self, _limit: Duration) -> usize {
        0
    }

    fn healthy(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl Reader for ProcessLog {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        self.process.pass().await;
        let offsets = self.log.offsets(topic, partition);
        let offsets = offsets.ok_or_else(|| StreamError::Unavailable("no such topic".into()))?;
        let offset = match from {
            From::Offset(offset) => offset,
            From::End => offsets.end,
            From::Earliest => offsets.earliest,
        };
        self.stream(topic, partition, offset, None)
    }

    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        _wait: Duration,
    ) -> Result<Vec<Record>, StreamError> {
        self.process.pass().await;
        // What there is when the question arrives, and as much of it as the server likes.
        let most = (1 + self.process.dice.roll(20)).min(limits.records as u64);
        let mut records = self.log.read(topic, partition, from, until);
        records.truncate(most as usize);
        self.process.pass().await;
        Ok(records)
    }
}

#[async_trait::async_trait]
impl Admin for ProcessLog {
    async fn create(&self, _topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        Ok(Vec::new())
    }

    async fn check(&self, _topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        Ok(Vec::new())
    }

    async fn offsets(&self, topic: &str, partition: u16) -> Result<Offsets, AdminError> {
        self.process.pass().await;
        let offsets = self.log.offsets(topic, partition);
        self.process.pass().await;
        offsets.ok_or_else(|| AdminError::UnknownPartition(topic.to_owned()))
    }

    async fn topic_ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, AdminError> {
        self.process.pass().await;
        Ok(topics
            .iter()
            .map(|topic| Some(self.log.topic_id(topic)))
            .collect())
    }

    async fn delete_before(
        &self,
        topic: &str,
        partition: u16,
        offset: u64,
    ) -> Result<(), AdminError> {
        self.process.pass().await;
        if self.log.delete_before(topic, partition, offset) {
            Ok(())
        } else {
            Err(AdminError::BeyondEnd { wanted: offset })
        }
    }

    async fn durability(
        &self,
        _topics: &[TopicSpec],
    ) -> Result<(Durability, Vec<Weakness>), AdminError> {
        Ok((Durability::Replicated, Vec::new()))
    }
}
