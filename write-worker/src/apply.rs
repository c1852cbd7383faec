//! Stage: decided batches → stores, `security`, dead letters, ledger, feedback, in this order. Every write
//! carries the version its decision got in `changes`, so doing it twice, late, or after another
//! owner did it changes nothing. It must never decide anything.
//!
//! The ledger row is the point of no return: what it remembers at a version is never undone.

mod claims;
mod culprit;
mod outcome;
mod parts;
mod places;
mod security;
mod spans;
mod write;

use crate::{
    Worker,
    decided::Decided,
    effects::Effects,
    liveness::Liveness,
    tenure_end::{RejectedDecisions, TenureEnd},
};
use change_feed::Window;
use event_schema::{flood::DeadLetterFlood, offset::ChangesOffset};
use std::{collections::HashMap, sync::Arc};

/// Applies for one partition.
pub(crate) struct Applier<'a> {
    worker: Arc<Worker>,
    partition: u16,
    proof: Proof,
    /// What stood when the partition was taken, while that is applied again.
    again: Option<&'a Window>,
}

/// How the tenure is proven before each attempt to write outside of the log.
#[derive(Clone)]
pub(crate) enum Proof {
    /// A mark is asked for and waited for where the last append is too old.
    Awaited(Liveness),
    /// The tenure ends instead: while it is begun, no one appends marks.
    Required(Liveness),
}

/// What a run of batches came to.
#[derive(Debug, Default)]
pub(crate) struct ApplyState {
    /// What a store will never take.
    pub rejected: RejectedDecisions,
    /// Too many of these would be dead letters.
    flood: Option<DeadLetterFlood>,
    /// Documents and rows that rejected decisions change, each since the first of those: whatever
    /// comes later on them waits, too. What came before on them stands, whatever else is rejected.
    blocked: HashMap<String, ChangesOffset>,
    /// Records of `changes` whose effects stand everywhere.
    pub resolved: Vec<ChangesOffset>,
}

impl ApplyState {
    /// What follows from what a store will never take, if there is anything of that.
    pub fn rejection(&mut self) -> Option<TenureEnd> {
        if let Some(flood) = self.flood.take() {
            return Some(TenureEnd::Flooded(Box::new(flood)));
        }
        let rejected = std::mem::take(&mut self.rejected);
        (!rejected.is_empty()).then_some(TenureEnd::Rejected(rejected))
    }

    /// Keeps this and all that changes the same documents and rows from being finished.
    fn block_effects(&mut self, effects: &Effects) {
        for name in effects.names() {
            let since = self.blocked.entry(name).or_insert(effects.at);
            *since = effects.at.min(*since);
        }
    }

    /// Takes out what comes later on the documents and rows of something that a store rejected.
    fn hold_back(&mut self, effects: &mut Vec<Effects>) {
        if self.blocked.is_empty() {
            return;
        }
        effects.retain(|effect| {
            let blocked = self.blocks(effect);
            if blocked {
                self.block_effects(effect);
            }
            !blocked
        });
    }

    /// Does it rest on something that is rejected?
    fn blocks(&self, effects: &Effects) -> bool {
        let is_before = |name: &str| {
            self.blocked
                .get(name)
                .is_some_and(|since| *since < effects.at)
        };
        effects.rests_on(is_before)
    }

    /// Does something that is rejected, or rests on that, change what this changes or rests on?
    fn meets(&self, effects: &Effects) -> bool {
        effects.rests_on(|name| self.blocked.contains_key(name))
    }
}

impl<'a> Applier<'a> {
    pub fn new(worker: Arc<Worker>, partition: u16, proof: Proof) -> Self {
        let again = None;
        Self {
            worker,
            partition,
            proof,
            again,
        }
    }

    /// For what stood when the partition was taken.
    pub fn again(
        worker: Arc<Worker>,
        partition: u16,
        liveness: Liveness,
        window: &'a Window,
    ) -> Self {
        Self {
            worker,
            partition,
            proof: Proof::Required(liveness),
            again: Some(window),
        }
    }

    /// The partition still is ours: to be asked before each attempt to write outside of the log.
    async fn prove_ownership(&self) -> Result<(), TenureEnd> {
        match &self.proof {
            Proof::Awaited(liveness) => {
                liveness.prove().await;
                Ok(())
            }
            Proof::Required(liveness) => liveness.check(),
        }
    }

    /// Brings a batch to its end, but for what a store will never take and what rests on that: when
    /// this returns, all the rest of it is resolved.
    pub async fn apply(
        &self,
        decided: &mut Decided,
        state: &mut ApplyState,
    ) -> Result<(), TenureEnd> {
        let timer = self.worker.metrics.stage("apply");
        let account = decided.open_account();
        self.stamp_applied_at(&mut decided.effects);
        state.hold_back(&mut decided.effects);
        self.prove_ownership().await?;
        if !self.apply_in_one_transaction(decided).await {
            self.write_stores(&mut decided.effects, state).await?;
            self.publish_security(&decided.effects).await?;
            self.write_dead_letters(&decided.effects).await?;
            self.write_ledger(&decided.effects).await?;
        }
        self.publish_parts(&decided.effects).await?;
        self.release_values(&decided.effects).await?;
        self.send_feedback(decided).await?;
        spans::record_batch(&decided.effects, self.worker.ports.clock.now());
        let resolved = decided.effects.iter().map(|effect| effect.at);
        if state.blocked.is_empty() {
            account.settle(resolved.clone())?;
        }
        state.resolved.extend(resolved);
        timer.observe_duration();
        Ok(())
    }
}
