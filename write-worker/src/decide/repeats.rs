//! Which records repeat a request that was decided before: answered by memory where that reaches
//! back far enough, else by the ledger, in one call for a batch. And whose idempotency keys they
//! are. A repeat writes nothing.

use super::{
    Decider,
    inputs::{Consumable, Event, Input},
};
use crate::{effects::Repeat, record_retry::RecordPart, tenure_end::TenureEnd};
use event_schema::{
    id::RequestId,
    outcome::{Refusal, RefusalCode},
};
use std::collections::HashSet;
use store::ClaimOutcome;

impl Decider {
    /// Asks the ledger about the events at these places, takes out those that are repeats, and
    /// claims the idempotency keys of the others.
    pub(super) async fn look_up(
        &self,
        consumable: &mut Consumable,
        to_look_up: Vec<usize>,
    ) -> Result<(), TenureEnd> {
        if to_look_up.is_empty() {
            return Ok(());
        }
        let ids: Vec<RequestId> = to_look_up
            .iter()
            .map(|at| consumable.events[*at].request())
            .collect();
        let record = &self.worker.ports.record;
        let known = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&ids))
            .await?;
        let mut repeated = HashSet::new();
        for (at, entry) in to_look_up.into_iter().zip(known) {
            let position = consumable.events[at].position();
            // An entry of this very position is one whose mark was lost.
            if entry.is_some_and(|entry| entry.position != position) {
                repeated.insert(at);
            }
        }
        let events = std::mem::take(&mut consumable.events);
        for (at, input) in events.into_iter().enumerate() {
            match input {
                Input::Event(event) if repeated.contains(&at) => consumable.repeats.push(Repeat {
                    request: event.transaction.attributes.id,
                    reply: event.transaction.data.reply,
                }),
                Input::Damaged(mut damaged) if repeated.contains(&at) => {
                    // Its id is another request's: it may not take that one's verdict away.
                    damaged.request =
                        RequestId::of_record(&self.worker.topics.transactions, &damaged.position);
                    consumable.events.push(Input::Damaged(damaged));
                }
                Input::Event(mut event) => {
                    self.claim_idempotency_key(&mut event).await?;
                    consumable.events.push(Input::Event(event));
                }
                Input::Intent(intent) if repeated.contains(&at) => {
                    consumable.repeats.push(Repeat {
                        request: intent.event.transaction.attributes.id,
                        reply: intent.event.transaction.data.reply,
                    });
                }
                input @ (Input::Damaged(_) | Input::Intent(_) | Input::Held(_)) => {
                    consumable.events.push(input);
                }
            }
        }
        Ok(())
    }

    async fn claim_idempotency_key(&self, event: &mut Event) -> Result<(), TenureEnd> {
        let Some(claim) = &event.transaction.data.claim else {
            return Ok(());
        };
        if event.replaces.is_some() {
            return Ok(());
        }
        let request = event.transaction.attributes.id;
        let record = &self.worker.ports.record;
        let outcome = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.claim(claim, &request))
            .await?;
        if let ClaimOutcome::Theirs(other) = outcome
            && other.unique() != request.unique()
        {
            event.refused = Some(Refusal {
                code: RefusalCode::IdempotencyKeyReused,
                message: "another request was made under this idempotency key".into(),
                rule: None,
                pointer: None,
            });
        }
        Ok(())
    }
}
