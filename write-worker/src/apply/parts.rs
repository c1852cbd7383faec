//! What a decision does beyond its own key, once the ledger remembers it: its parts are published
//! under their owners' keys, and the unique values that it lets go are let go.

use super::Applier;
use crate::{
    append::{delivered_offset, enqueue_record},
    effects::Effects,
    record_retry::RecordPart,
    tenure_end::TenureEnd,
};
use event_schema::{offset::TransactionsOffset, outcome::Verdict};
use store::unique::{self, Holder};

impl Applier<'_> {
    /// Publishes the parts of a batch, in the order of their decisions; all of them stand when this
    /// returns. What an earlier mark says is resolved was published before that.
    pub(super) async fn publish_parts(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let resolved = self.again.and_then(|window| window.resolved_through());
        let mut sent = Vec::new();
        for effect in effects {
            if resolved.is_some_and(|resolved| effect.at <= resolved) {
                continue;
            }
            for part in &effect.parts {
                let parts = part.event.parts().map_err(|error| {
                    TenureEnd::Halted(format!(
                        "part {} of {}: {error}",
                        part.request, effect.request
                    ))
                })?;
                self.prove_ownership().await?;
                let topic = &self.worker.topics.transactions;
                let delivery = enqueue_record(&self.worker, topic, part.partition, parts).await?;
                sent.push((part.partition, delivery));
            }
        }
        for (partition, delivery) in sent {
            let offset = TransactionsOffset::new(delivered_offset(delivery).await?);
            let progress = &self.worker.parts;
            progress.published(self.partition, partition, offset);
        }
        Ok(())
    }

    /// Lets go what applied requests gave up, and what refused ones had taken. Whoever took one
    /// since then keeps it.
    pub(super) async fn release_values(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let record = &self.worker.ports.record;
        for effect in effects {
            let is_final = effect.entry.as_ref().is_some_and(|entry| {
                matches!(entry.verdict, Verdict::Applied | Verdict::Refused(_))
            });
            for value in effect.values.release.iter().filter(|_| is_final) {
                let us = Holder::new(&effect.key, &effect.request, &effect.position);
                self.prove_ownership().await?;
                let release = || unique::release_value(record.as_ref(), value, &us);
                self.worker
                    .retry_until_answered(RecordPart::Contents, release)
                    .await?;
            }
        }
        Ok(())
    }

    /// Values that a record store may have forgotten are taken again; whoever took one meanwhile
    /// keeps it.
    pub async fn take_values_again(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let record = &self.worker.ports.record;
        for effect in effects {
            for value in &effect.values.take {
                let us = Holder::new(&effect.key, &effect.request, &effect.position);
                self.prove_ownership().await?;
                let take = || unique::take_value(record.as_ref(), value, &us, None);
                self.worker
                    .retry_until_answered(RecordPart::Contents, take)
                    .await?;
            }
        }
        Ok(())
    }
}
