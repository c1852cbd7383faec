//! Appending to `changes` within one tenure. Each record is given the offset at which it must stand
//! and the tenure's epoch here and nowhere else; one that lands elsewhere ends the tenure before
//! any outside effect.

use crate::{Worker, liveness::Liveness, tenure_end::TenureEnd};
use event_log::{Appended, Delivery, DeliveryError, NewRecord, Refused};
use event_schema::{
    codec,
    decision::{Change, Open},
    offset::{ChangesOffset, Epoch},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Appends for one partition during one tenure.
pub(crate) struct ChangesAppender {
    worker: Arc<Worker>,
    partition: u16,
    epoch: Epoch,
    /// Where the next record must stand.
    next: ChangesOffset,
    /// Where the next record that is heard of must have landed.
    expected: ChangesOffset,
    /// When each record that is not heard of yet was sent.
    sent: VecDeque<Duration>,
    liveness: Liveness,
}

impl ChangesAppender {
    /// Begins a tenure: appends `open` and waits for its offset.
    pub async fn open(worker: Arc<Worker>, partition: u16, open: Open) -> Result<Self, TenureEnd> {
        let topic = &worker.topics.changes;
        let parts = codec::encode_change(&Change::Open(open));
        let sent = worker.ports.clock.elapsed();
        let offset = ChangesOffset::new(append_record(&worker, topic, partition, parts).await?);
        Ok(Self {
            liveness: Liveness::new(worker.ports.clock.clone(), sent),
            sent: VecDeque::new(),
            worker,
            partition,
            epoch: Epoch::begun_at(offset),
            next: offset.next(),
            expected: offset.next(),
        })
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether the partition still is this tenure's.
    pub fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    /// The offset after the last record that is known to stand.
    pub fn expected(&self) -> ChangesOffset {
        self.expected
    }

    /// Queues a record where it must stand. Every delivery must be given to
    /// [`landed`](Self::landed), in the order of the calls.
    pub async fn enqueue(&mut self, change: &mut Change) -> Result<Delivery, TenureEnd> {
        self.place_change(change);
        let parts = codec::encode_change(change);
        let sent = self.liveness.now();
        let delivery = enqueue_record(
            &self.worker,
            &self.worker.topics.changes,
            self.partition,
            parts,
        )
        .await?;
        self.sent.push_back(sent);
        self.next = self.next.next();
        Ok(delivery)
    }

    fn place_change(&self, change: &mut Change) {
        let (epoch, at) = match change {
            Change::Open(_) => return,
            Change::Decision(decision) => (&mut decision.epoch, &mut decision.at),
            Change::Mark(mark) => (&mut mark.epoch, &mut mark.at),
            Change::Void(void) => (&mut void.epoch, &mut void.at),
        };
        (*epoch, *at) = (self.epoch, self.next);
    }

    /// Waits for the oldest record that is on its way: its offset, if it stands where it must.
    /// Cancel-safe.
    pub async fn landed(
        &mut self,
        delivery: impl Future<Output = Result<Appended, DeliveryError>>,
    ) -> Result<ChangesOffset, TenureEnd> {
        let offset = ChangesOffset::new(delivered_offset(delivery).await?);
        if offset < self.expected {
            return Err(TenureEnd::Halted(format!(
                "a record landed at {offset} in `changes`, before {} which was acknowledged: the log lost its tail; start a new generation once it is known what was lost",
                self.expected
            )));
        }
        if offset > self.expected {
            return Err(TenureEnd::Reclaim(format!(
                "a record landed at {offset} in `changes`, not at {}: another owner wrote, or a record before it was lost",
                self.expected
            )));
        }
        self.expected = offset.next();
        if let Some(sent) = self.sent.pop_front() {
            self.liveness.landed(sent);
        }
        Ok(offset)
    }

    /// Appends records, all on their way together, and waits until all stand.
    pub async fn append_all(
        &mut self,
        changes: Vec<Change>,
    ) -> Result<Vec<(ChangesOffset, Change)>, TenureEnd> {
        let mut sent = Vec::with_capacity(changes.len());
        for mut change in changes {
            sent.push((self.enqueue(&mut change).await?, change));
        }
        let mut landed = Vec::with_capacity(sent.len());
        for (delivery, change) in sent {
            landed.push((self.landed(delivery).await?, change));
        }
        Ok(landed)
    }
}

/// Appends one record to any topic and waits for its offset.
pub(crate) async fn append_record(
    worker: &Worker,
    topic: &Arc<str>,
    partition: u16,
    parts: codec::Parts,
) -> Result<u64, TenureEnd> {
    delivered_offset(enqueue_record(worker, topic, partition, parts).await?).await
}

pub(crate) async fn delivered_offset(
    delivery: impl Future<Output = Result<Appended, DeliveryError>>,
) -> Result<u64, TenureEnd> {
    delivery
        .await
        .map(|appended| appended.offset)
        .map_err(|error| TenureEnd::Reclaim(format!("an append was not acknowledged: {error}")))
}

/// Queues a record, waiting while the queue is full: the log's own back-pressure.
pub(crate) async fn enqueue_record(
    worker: &Worker,
    topic: &Arc<str>,
    partition: u16,
    parts: codec::Parts,
) -> Result<Delivery, TenureEnd> {
    let mut record = NewRecord {
        topic: topic.clone(),
        partition,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    };
    loop {
        match worker.ports.log.publisher.send(record) {
            Ok(delivery) => return Ok(delivery),
            Err(error) if error.why == Refused::QueueFull => {
                worker.metrics.retried("log");
                record = *error.record;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) if error.why == Refused::Closed => return Err(TenureEnd::Stopped),
            Err(error) => {
                return Err(TenureEnd::Halted(format!(
                    "the log will not take a record for `{topic}`: {}",
                    error.why
                )));
            }
        }
    }
}
