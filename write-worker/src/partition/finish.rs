//! Applying all that stands: what the last owner decided and may not have applied, and what the
//! record store may have forgotten. A batch at a time, so that a long stretch costs little memory.

use super::{PartitionTask, take::TakenPartition};
use crate::{
    apply::{Applier, ApplyState},
    decide::RecentRequests,
    decided::Decided,
    effects::Effects,
    tenure_end::TenureEnd,
};
use event_schema::offset::ChangesOffset;
use std::collections::BTreeSet;

impl PartitionTask {
    /// Applies what stands and is not resolved; answers the requests that were decided in it.
    pub(super) async fn finish_standing(
        &self,
        taken: &TakenPartition,
        resolved: &mut BTreeSet<ChangesOffset>,
    ) -> Result<RecentRequests, TenureEnd> {
        let generation = self.worker.ports.layout.generation;
        let liveness = taken.appender.liveness().clone();
        let (worker, window) = (self.worker.clone(), &taken.window);
        let applier = Applier::again(worker, self.partition, liveness, window);
        let mut applied = ApplyState::default();
        // What is decided again later has no row in the ledger before that.
        let redo = taken.window.redo();
        let first_open = redo.iter().map(|redo| redo.position.offset).min();
        let known = first_open.unwrap_or_else(|| taken.window.next());
        let limit = self.worker.config.recent_ids;
        let mut recent = RecentRequests::new(limit, taken.known_from, known);
        let mut effects = Vec::new();
        let (mut next, end) = (taken.start.from, taken.appender.expected());
        let mut count = 0;
        while next < end {
            for (offset, change) in self.read_changes(next, end).await? {
                next = offset.next();
                if !taken.window.stands(offset) {
                    continue;
                }
                let Some(effect) = Effects::of(offset, change, generation) else {
                    continue;
                };
                if effect.position.generation == generation {
                    recent.insert(&effect.request, effect.position.offset);
                }
                if let Some((entry, _)) = &effect.replay {
                    recent.insert(&entry.request, entry.position.offset);
                }
                if !resolved.contains(&offset) {
                    effects.push(effect);
                }
                if effects.len() >= self.worker.config.batch_records {
                    count += effects.len();
                    self.apply_batch(taken, &applier, &mut effects, &mut applied)
                        .await?;
                }
            }
            // No more is kept than is read at once, however large the bodies are.
            count += effects.len();
            self.apply_batch(taken, &applier, &mut effects, &mut applied)
                .await?;
        }
        let rejection = applied.rejection();
        resolved.extend(applied.resolved);
        if let Some(end) = rejection {
            return Err(end);
        }
        if count > 0 {
            tracing::info!(
                partition = self.partition,
                decisions = count,
                "applied what the last owner left"
            );
        }
        Ok(recent)
    }

    async fn apply_batch(
        &self,
        taken: &TakenPartition,
        applier: &Applier<'_>,
        effects: &mut Vec<Effects>,
        applied: &mut ApplyState,
    ) -> Result<(), TenureEnd> {
        if self.worker.forgetful || taken.is_unmarked {
            applier.claim_again(effects).await?;
            applier.take_values_again(effects).await?;
        }
        let mut decided = Decided::again(std::mem::take(effects));
        applier.apply(&mut decided, applied).await
    }
}
