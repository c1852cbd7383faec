//! After the stores: dead letters, then the ledger, then feedback. In this order, so that a request
//! is only ever called dead when its letter can be found, and only called applied when it is.

use super::Applier;
use crate::{
    append::append_record,
    decided::Decided,
    decode,
    effects::{DeadEvent, Effects},
    record_retry::RecordPart,
    tenure_end::TenureEnd,
};
use event_log::{Limits, NewRecord};
use event_schema::{
    codec::{encode_dead_letter, encode_mail},
    decision::{DeadLetter, OriginalRecord},
    envelope::Reply,
    held,
    id::RequestId,
    kafka_headers::{DeadLetterOrigin, add_kafka_headers},
    notification::Mail,
    outcome::{Feedback, LedgerEntry, Verdict},
    position::Position,
};
use std::time::Duration;
use store::ItemVerdict;

impl Applier<'_> {
    /// Writes the dead letters of a batch, but for those that were written before.
    pub(super) async fn write_dead_letters(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let dead: Vec<(&Effects, &DeadEvent)> = effects
            .iter()
            .filter_map(|effect| Some((effect, effect.dead.as_ref()?)))
            .collect();
        if dead.is_empty() {
            return Ok(());
        }
        let requests: Vec<RequestId> = dead.iter().map(|(effect, _)| effect.request).collect();
        let record = &self.worker.ports.record;
        // The ledger says that one is dead only after its letter was written.
        let known = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&requests))
            .await?;
        for ((effect, dead), entry) in dead.into_iter().zip(known) {
            let is_written = entry.is_some_and(|entry| {
                let is_it = matches!(entry.verdict, Verdict::DeadLettered(_));
                entry.version > effect.version || entry.version == effect.version && is_it
            });
            if !is_written {
                self.prove_ownership().await?;
                self.write_dead_letter(effect, dead).await?;
            }
        }
        Ok(())
    }

    async fn write_dead_letter(&self, effect: &Effects, dead: &DeadEvent) -> Result<(), TenureEnd> {
        let original = match &dead.original {
            Some(original) => original.clone(),
            None => self.read_original(&effect.position).await?,
        };
        let letter = DeadLetter {
            request: effect.request,
            key: effect.key.clone(),
            operation: effect.entry.as_ref().map(|entry| entry.operation.clone()),
            position: effect.position,
            version: effect.version,
            reason: dead.reason.clone(),
            time: self.now(),
            original,
        };
        let topic = &self.worker.topics.dead_letters;
        let mut record = encode_dead_letter(&letter);
        let group = self.worker.ports.layout.worker_group();
        let held = change_feed::held_after(&effect.rows);
        let held = held.and_then(|row| held::read_held(&row.cells).ok());
        let origin = DeadLetterOrigin {
            topic: &self.worker.topics.transactions,
            group: &group,
            attempts: held.map_or(1, |held| held.attempts),
        };
        add_kafka_headers(&mut record, &letter, &origin);
        append_record(&self.worker, topic, 0, record).await?;
        tracing::error!(
            request = %effect.request,
            position = %effect.position,
            code = dead.reason.code,
            reason = dead.reason.message,
            "dead letter"
        );
        self.worker.metrics.dead_lettered();
        Ok(())
    }

    /// An event that its void was too large to carry.
    async fn read_original(&self, position: &Position) -> Result<OriginalRecord, TenureEnd> {
        let limits = Limits {
            records: 1,
            bytes: usize::MAX,
        };
        let topic = &self.worker.topics.transactions;
        let (from, wait) = (position.offset.get(), Duration::from_secs(10));
        let reader = &self.worker.ports.log.reader;
        let read = reader.read(topic, self.partition, from, from + 1, limits, wait);
        let unread = |why: &str| {
            TenureEnd::Reclaim(format!(
                "the event at {position} could not be read for its dead letter: {why}"
            ))
        };
        let records = read.await.map_err(|error| unread(&error.to_string()))?;
        let record = records.first().ok_or_else(|| unread("it is not there"))?;
        Ok(OriginalRecord::of(&decode::record_parts(record)))
    }

    /// The time that the ledger will say.
    pub(super) fn stamp_applied_at(&self, effects: &mut [Effects]) {
        let now = self.now();
        effects
            .iter_mut()
            .flat_map(|effect| {
                let replay = effect.replay.as_mut().map(|(entry, _)| entry);
                effect.entry.as_mut().into_iter().chain(replay)
            })
            .for_each(|entry| entry.times.applied = now);
    }

    /// Writes the ledger rows of a batch; all of them stand when this returns.
    pub(super) async fn write_ledger(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let mut left: Vec<LedgerEntry> =
            effects.iter().flat_map(Effects::entries).cloned().collect();
        let store = &self.worker.ports.record;
        let mut backoff = self.worker.config.backoff();
        let mut wait = self.worker.waits.of("record", Some(self.partition));
        while !left.is_empty() {
            self.prove_ownership().await?;
            let verdicts = store.remember(&left).await;
            assert_eq!(verdicts.len(), left.len(), "a store answers every entry");
            let (mut rest, mut why) = (Vec::new(), String::new());
            for (entry, verdict) in left.into_iter().zip(verdicts) {
                match verdict {
                    ItemVerdict::Done => {}
                    ItemVerdict::Transient(reason) => {
                        rest.push(entry);
                        why = reason;
                    }
                    ItemVerdict::Permanent { message, .. } | ItemVerdict::Alarm(message) => {
                        return Err(TenureEnd::Halted(format!(
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
                    why,
                    "the ledger does not take rows now: the partition waits"
                );
                let pause = backoff.next_wait();
                wait.failed("the ledger does not take rows now", pause);
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }

    /// Sends the verdicts to the gateways that wait, and counts them. Not awaited: a gateway that
    /// misses one finds the ledger row.
    pub(super) async fn send_feedback(&self, decided: &Decided) -> Result<(), TenureEnd> {
        for effect in &decided.effects {
            let replay = effect.replay.as_ref();
            let replay = replay.map(|(entry, reply)| (entry, reply.as_ref()));
            let own = effect.entry.as_ref();
            let own = own.map(|entry| (entry, effect.reply.as_ref()));
            for (entry, reply) in own.into_iter().chain(replay) {
                self.worker.metrics.resolved(entry);
                tracing::debug!(
                    request = %entry.request,
                    position = %entry.position,
                    operation = entry.operation,
                    "resolved"
                );
                if let Some(reply) = reply {
                    self.send_reply(reply, entry);
                }
            }
        }
        self.answer_repeats(decided).await
    }

    /// Whoever waits for a repeat is sent the verdict of the first.
    async fn answer_repeats(&self, decided: &Decided) -> Result<(), TenureEnd> {
        decided
            .repeats
            .iter()
            .for_each(|_| self.worker.metrics.duplicate());
        let (requests, replies): (Vec<RequestId>, Vec<&Reply>) = decided
            .repeats
            .iter()
            .filter_map(|repeat| Some((repeat.request, repeat.reply.as_ref()?)))
            .unzip();
        if requests.is_empty() {
            return Ok(());
        }
        let record = &self.worker.ports.record;
        let found = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&requests))
            .await?;
        for (reply, entry) in replies.into_iter().zip(found) {
            if let Some(entry) = entry {
                self.send_reply(reply, &entry);
            }
        }
        Ok(())
    }

    fn send_reply(&self, reply: &Reply, entry: &LedgerEntry) {
        if self.worker.ports.feedback.hand_over(reply, entry) {
            return;
        }
        let parts = encode_mail(&Mail::Feedback(Feedback {
            instance: reply.instance.clone(),
            entry: entry.clone(),
        }));
        let record = NewRecord {
            topic: self.worker.topics.mailbox.clone(),
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
