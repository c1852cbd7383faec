//! After the stores: dead letters, then the ledger, then feedback. In this order, so that a request
//! is only ever called dead when its letter can be found, and only called applied when it is.

use super::Applier;
use crate::{
    decide::{Decided, append_record},
    decode,
    lane::Halt,
    step::{Aside, Step},
};
use event_log::{Limits, NewRecord};
use event_schema::{
    codec::{encode_dead_letter, encode_mail},
    decision::DeadLetter,
    envelope::Reply,
    notification::Mail,
    outcome::{Feedback, LedgerEntry, Verdict},
};
use std::time::Duration;
use store::ItemVerdict;

impl Applier {
    /// Writes the dead letters of a batch.
    pub(super) async fn bury(&self, decided: &Decided) -> Result<(), Halt> {
        for step in &decided.steps {
            let Some(reason) = &step.dead else { continue };
            if self.is_buried(step).await? {
                continue;
            }
            let (original, key) = self.original(step.position.offset).await?;
            let operation = step.entry.as_ref().map(|entry| entry.operation.clone());
            let letter = DeadLetter {
                request: Some(step.request),
                operation,
                position: step.position,
                reason: reason.clone(),
                time: self.now(),
                original,
            };
            append_record(
                &self.worker,
                &self.worker.topics.dead_letters,
                0,
                encode_dead_letter(&letter, key),
            )
            .await?;
            tracing::error!(request = %step.request, position = %step.position, code = reason.code, reason = reason.message, "dead letter");
            self.worker.metrics.dead_lettered();
        }
        for aside in &decided.asides {
            let Aside::Undecodable {
                position,
                reason,
                original,
            } = aside
            else {
                continue;
            };
            let letter = DeadLetter {
                request: None,
                operation: None,
                position: *position,
                reason: reason.clone(),
                time: self.now(),
                original: original.clone(),
            };
            append_record(
                &self.worker,
                &self.worker.topics.dead_letters,
                0,
                encode_dead_letter(&letter, None),
            )
            .await?;
            tracing::error!(%position, code = reason.code, reason = reason.message, "dead letter");
            self.worker.metrics.dead_lettered();
        }
        Ok(())
    }

    /// Was it applied before, and its letter written? The ledger says so only after that.
    async fn is_buried(&self, step: &Step) -> Result<bool, Halt> {
        let record = &self.worker.ports.record;
        let known = self
            .worker
            .patiently("record", || {
                record.ledger(std::slice::from_ref(&step.request))
            })
            .await?;
        let is_this = |entry: &LedgerEntry| {
            entry.version == step.version && matches!(entry.verdict, Verdict::DeadLettered(_))
        };
        Ok(known
            .first()
            .is_some_and(|entry| entry.as_ref().is_some_and(is_this)))
    }

    async fn original(
        &self,
        offset: u64,
    ) -> Result<(event_schema::decision::OriginalRecord, Option<bytes::Bytes>), Halt> {
        let limits = Limits {
            records: 1,
            bytes: usize::MAX,
        };
        let topic = &self.worker.topics.transactions;
        let read = self
            .worker
            .ports
            .log
            .reader
            .read(
                topic,
                self.partition,
                offset,
                offset + 1,
                limits,
                Duration::from_secs(10),
            )
            .await;
        match read.map(|records| records.into_iter().next()) {
            Ok(Some(record)) => Ok((decode::original(&record), record.key)),
            Ok(None) => Err(Halt::Retake(format!(
                "the event at {offset} could not be read for its dead letter"
            ))),
            Err(error) => Err(Halt::Retake(format!(
                "the event at {offset} could not be read for its dead letter: {error}"
            ))),
        }
    }

    /// The time that the ledger will tell.
    pub(super) fn date(&self, steps: &mut [Step]) {
        let now = self.now();
        steps
            .iter_mut()
            .filter_map(|step| step.entry.as_mut())
            .for_each(|entry| entry.times.applied = now);
    }

    /// Writes the ledger rows of a batch; all of them stand when this returns.
    pub(super) async fn remember(&self, steps: &[Step]) -> Result<(), Halt> {
        let mut left: Vec<LedgerEntry> =
            steps.iter().filter_map(|step| step.entry.clone()).collect();
        let store = &self.worker.ports.record;
        let mut backoff = self.worker.config.backoff();
        while !left.is_empty() {
            let verdicts = store.remember(&left).await;
            assert_eq!(verdicts.len(), left.len(), "a store answers every entry");
            let mut rest = Vec::new();
            for (entry, verdict) in left.into_iter().zip(verdicts) {
                match verdict {
                    ItemVerdict::Done => {}
                    ItemVerdict::Transient(_) => rest.push(entry),
                    ItemVerdict::Permanent { message, .. } | ItemVerdict::Alarm(message) => {
                        return Err(Halt::Alarm(format!(
                            "the ledger will not take {}: {message}",
                            entry.request
                        )));
                    }
                }
            }
            left = rest;
            if !left.is_empty() {
                self.worker.metrics.retried(store.name());
                tracing::warn!(
                    partition = self.partition,
                    waiting = left.len(),
                    "the ledger does not take rows now: the partition waits"
                );
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
        Ok(())
    }

    /// Sends the verdicts to the gateways that wait, and counts them. Not awaited: whoever misses
    /// one finds the ledger row.
    pub(super) async fn tell(&self, decided: &Decided) -> Result<(), Halt> {
        for step in &decided.steps {
            let Some(entry) = &step.entry else { continue };
            self.worker.metrics.resolved(entry);
            tracing::debug!(request = %entry.request, position = %entry.position, operation = entry.operation, "resolved");
            if let Some(reply) = &step.reply {
                self.send(reply, entry);
            }
        }
        for aside in &decided.asides {
            let Aside::Duplicate { request, reply } = aside else {
                continue;
            };
            self.worker.metrics.duplicate();
            let Some(reply) = reply else { continue };
            let record = &self.worker.ports.record;
            let found = self
                .worker
                .patiently("record", || record.ledger(std::slice::from_ref(request)))
                .await?;
            if let Some(Some(entry)) = found.first() {
                self.send(reply, entry);
            }
        }
        Ok(())
    }

    fn send(&self, reply: &Reply, entry: &LedgerEntry) {
        let parts = encode_mail(&Mail::Feedback(Feedback {
            instance: reply.instance.clone(),
            entry: entry.clone(),
        }));
        let topic = self.worker.topics.mailbox.clone();
        let record = NewRecord {
            topic,
            partition: reply.partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        if let Err(error) = self.worker.ports.log.publisher.send(record) {
            tracing::debug!(%error, request = %entry.request, "feedback left out: the gateway will look into the ledger");
        }
    }

    fn now(&self) -> i64 {
        self.worker.ports.clock.now()
    }
}
