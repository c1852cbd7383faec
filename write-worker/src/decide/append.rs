//! Decisions into `changes`, all on their way together, then awaited. A batch counts only if every
//! record landed where it must: anything else ends the tenure.

use super::Decider;
use crate::{decided::Decided, effects::Effects, tenure_end::TenureEnd};
use event_schema::decision::{Change, Decision, Mark};

impl Decider {
    /// Appends the decisions, behind a mark if there is one to set.
    pub(super) async fn append_decisions(
        &mut self,
        mark: Option<Mark>,
        decisions: Vec<Decision>,
    ) -> Result<Decided, TenureEnd> {
        let mut sent = Vec::with_capacity(decisions.len() + 1);
        let changes = mark
            .map(Change::Mark)
            .into_iter()
            .chain(decisions.into_iter().map(Change::Decision));
        for mut change in changes {
            sent.push((self.appender.enqueue(&mut change).await?, change));
        }
        // Sent before, so acknowledged no later.
        self.settle().await?;
        let generation = self.worker.ports.layout.generation;
        let mut decided = Decided::again(Vec::with_capacity(sent.len()));
        decided.number = self.batch;
        for (delivery, change) in sent {
            let offset = self.appender.landed(delivery).await?;
            match change {
                Change::Mark(mark) => self.marker.keep(mark),
                change => {
                    if let Change::Decision(decision) = &change {
                        self.worker.metrics.decided(&decision.verdict);
                        self.given.give(offset, decision.position);
                    }
                    decided
                        .effects
                        .extend(Effects::of(offset, change, generation));
                    decided.last = Some(offset);
                }
            }
        }
        Ok(decided)
    }

    pub(super) async fn enqueue_mark(&mut self, mark: Mark) -> Result<(), TenureEnd> {
        let mut change = Change::Mark(mark);
        let delivery = self.appender.enqueue(&mut change).await?;
        if let Change::Mark(mark) = change {
            self.sent.push_back((delivery, mark));
        }
        Ok(())
    }

    /// Waits until the marks that were sent alone stand where they must. Cancel-safe.
    pub async fn settle(&mut self) -> Result<(), TenureEnd> {
        while let Some((delivery, _)) = self.sent.front_mut() {
            self.appender.landed(delivery).await?;
            if let Some((_, mark)) = self.sent.pop_front() {
                self.marker.keep(mark);
            }
        }
        Ok(())
    }
}
