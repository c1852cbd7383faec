//! Decisions into `changes`, all in flight together, then awaited. A batch counts only if every
//! record landed just behind the one before: anything else means that somebody else wrote to the
//! partition, or that nobody knows where a record is, and the tenure is over.

use super::{Decided, Decider};
use crate::{Worker, lane::Halt, step::Step};
use event_log::{Appended, Delivery, DeliveryError, NewRecord, Refused};
use event_schema::{
    codec,
    decision::{Change, Decision, Mark},
};
use std::{sync::Arc, time::Duration};

impl Decider {
    /// Appends the decisions, behind a mark if there is one to set.
    pub(super) async fn append(
        &mut self,
        mark: Option<Mark>,
        decisions: Vec<Decision>,
    ) -> Result<Decided, Halt> {
        let mut sent = Vec::with_capacity(decisions.len() + 1);
        for change in mark
            .map(Change::Mark)
            .into_iter()
            .chain(decisions.into_iter().map(Change::Decision))
        {
            let parts = codec::encode_change(&change, None);
            sent.push((
                enqueue(
                    &self.worker,
                    &self.worker.topics.changes,
                    self.partition,
                    parts,
                )
                .await?,
                change,
            ));
        }
        // Sent before, so acknowledged no later.
        self.settle().await?;
        let mut decided = Decided::default();
        for (delivery, change) in sent {
            let offset = self.landed(delivered(delivery).await?)?;
            match change {
                Change::Decision(decision) => {
                    self.worker.metrics.decided(&decision.verdict);
                    decided.steps.push(Step::of_decision(offset, decision));
                    decided.last = Some(offset);
                }
                Change::Mark(mark) => self.marker.keep(mark),
                Change::Open(_) | Change::Void(_) => {}
            }
        }
        Ok(decided)
    }

    pub(super) async fn enqueue_mark(&mut self, mark: Mark) -> Result<(), Halt> {
        let parts = codec::encode_change(&Change::Mark(mark.clone()), None);
        let delivery = enqueue(
            &self.worker,
            &self.worker.topics.changes,
            self.partition,
            parts,
        )
        .await?;
        self.sent.push_back((delivery, mark));
        Ok(())
    }

    /// Waits until the marks that were sent alone stand where they must. Cancel-safe.
    pub async fn settle(&mut self) -> Result<(), Halt> {
        while let Some((delivery, _)) = self.sent.front_mut() {
            let offset = delivered(delivery).await?;
            self.landed(offset)?;
            if let Some((_, mark)) = self.sent.pop_front() {
                self.marker.keep(mark);
            }
        }
        Ok(())
    }

    /// Just behind our last record, or the tenure is over.
    fn landed(&mut self, offset: u64) -> Result<u64, Halt> {
        if offset != self.expected {
            return Err(Halt::Retake(format!(
                "a record landed at {offset} in `changes`, not at {}: somebody else wrote",
                self.expected
            )));
        }
        self.expected += 1;
        Ok(offset)
    }
}

/// Appends one record and waits for its offset.
pub(crate) async fn append_record(
    worker: &Worker,
    topic: &Arc<str>,
    partition: u16,
    parts: codec::Parts,
) -> Result<u64, Halt> {
    delivered(enqueue(worker, topic, partition, parts).await?).await
}

async fn delivered(
    delivery: impl Future<Output = Result<Appended, DeliveryError>>,
) -> Result<u64, Halt> {
    delivery
        .await
        .map(|appended| appended.offset)
        .map_err(|error| {
            Halt::Retake(format!(
                "an append to `changes` was not acknowledged: {error}"
            ))
        })
}

/// Queues a record, waiting while the queue is full: the log's own back-pressure.
async fn enqueue(
    worker: &Worker,
    topic: &Arc<str>,
    partition: u16,
    parts: codec::Parts,
) -> Result<Delivery, Halt> {
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
            Err(error) if error.why == Refused::Closed => return Err(Halt::Stopped),
            Err(error) => {
                return Err(Halt::Alarm(format!(
                    "the log will not take a record for `{topic}`: {}",
                    error.why
                )));
            }
        }
    }
}
