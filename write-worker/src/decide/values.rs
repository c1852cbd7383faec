//! Unique values are taken before the decision that lists them is appended: whoever finds one taken
//! is refused, unless the ledger says that its holder's request came to nothing.

use super::{Decider, decision::refused_plan, inputs::Event};
use crate::record_retry::RecordPart;
use crate::tenure_end::TenureEnd;
use catalog::Plan;
use event_schema::{decision::UniqueValue, outcome::Verdict};
use store::unique::{self, Holder, ValueOutcome};

impl Decider {
    /// Takes what the plan asks for, one after the other; what another key has refuses it.
    pub(super) async fn take_values(&self, event: &Event, plan: Plan) -> Result<Plan, TenureEnd> {
        if plan.takes.is_empty() {
            return Ok(plan);
        }
        let attributes = &event.transaction.attributes;
        let us = Holder::new(&attributes.key, &attributes.id, &event.position);
        let mut taken: Vec<UniqueValue> = Vec::new();
        for wanted in &plan.takes {
            if self.take_value(&wanted.value, &us).await? {
                taken.push(wanted.value.clone());
                continue;
            }
            tracing::debug!(request = %attributes.id, space = wanted.value.space, "a unique value is taken");
            let read = plan.read.clone();
            return Ok(Plan {
                read,
                releases: taken,
                ..refused_plan(wanted.refusal.clone())
            });
        }
        Ok(plan)
    }

    /// Is the value ours now?
    async fn take_value(&self, value: &UniqueValue, us: &Holder) -> Result<bool, TenureEnd> {
        let record = &self.worker.ports.record;
        let mut over = None;
        loop {
            let take = || unique::take_value(record.as_ref(), value, us, over.as_ref());
            let outcome = self
                .worker
                .retry_until_answered(RecordPart::Contents, take)
                .await?;
            let ValueOutcome::Theirs(holder) = outcome else {
                return Ok(true);
            };
            if over.as_ref() == Some(&holder) || self.holder_counts(&holder).await? {
                return Ok(false);
            }
            over = Some(holder);
        }
    }

    /// Has the holder's request come, or may it still come, to something?
    async fn holder_counts(&self, holder: &Holder) -> Result<bool, TenureEnd> {
        let record = &self.worker.ports.record;
        let requests = [holder.request];
        let ask = || record.ledger(&requests);
        let found = self
            .worker
            .retry_until_answered(RecordPart::Contents, ask)
            .await?;
        let entry = found.into_iter().flatten().next();
        Ok(!entry.is_some_and(|entry| {
            matches!(
                entry.verdict,
                Verdict::Refused(_) | Verdict::DeadLettered(_)
            )
        }))
    }
}
