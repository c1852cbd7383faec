//! The life of an owned partition: take it, finish what stands, decide again what was voided, then
//! decide and apply what comes.
//!
//! Whatever goes wrong ends the tenure with a [`TenureEnd`] that says whether to take the partition
//! again, to stop it and call a person, or to let go. There is one way to finish half-done work,
//! [`PartitionTask::finish`], whoever left it half done.

mod finish;
mod flow;
mod history;
mod take;
mod witness;

use crate::{
    Worker,
    requests::{OwnerRequest, component},
    tenure_end::{RejectedDecisions, TenureEnd},
};
use event_schema::offset::{ChangesOffset, TransactionsOffset};
use runtime::{Shutdown, State};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// One owned partition.
pub(crate) struct PartitionTask {
    pub worker: Arc<Worker>,
    pub partition: u16,
    pub requests: mpsc::Sender<OwnerRequest>,
    pub shutdown: Shutdown,
}

/// What one tenure leaves to the next of the same process.
#[derive(Debug, Default)]
struct Carried {
    /// To be voided.
    rejected: RejectedDecisions,
    /// Records of `changes` whose effects stand everywhere: they need not be applied again, unless
    /// the record store was away meanwhile.
    resolved: BTreeSet<ChangesOffset>,
    /// Where the last tenure began in `transactions`: the next one should begin further on.
    next: Option<TransactionsOffset>,
    /// Tenures in a row that began where the one before did.
    stuck: u32,
}

/// So many tenures without progress are shown in `/readyz`, and paced.
const STUCK: u32 = 3;

impl PartitionTask {
    /// Runs until shutdown, revocation or alarm.
    pub async fn run(self) -> TenureEnd {
        let mut backoff = self.worker.config.backoff();
        let mut carried = Carried::default();
        let mut returns = self.worker.returns.subscribe();
        loop {
            returns.borrow_and_update();
            let started = Instant::now();
            let end = tokio::select! {
                biased;
                () = self.shutdown.hard() => TenureEnd::Stopped,
                Ok(()) = returns.changed() => {
                    TenureEnd::Reclaim("the record store was away and may have forgotten".into())
                }
                end = runtime::catch_panic(self.tenure(&mut carried)) => match end {
                    Ok(end) => end.err().unwrap_or(TenureEnd::Stopped),
                    Err(why) => TenureEnd::Panicked(why),
                },
            };
            let paced = match end {
                TenureEnd::Stopped | TenureEnd::Halted(_) => return end,
                TenureEnd::Reclaim(why) => {
                    tracing::warn!(partition = self.partition, why, "reclaiming the partition");
                    carried.resolved.clear();
                    carried.rejected.clear();
                    self.show_stuck(&carried, &why);
                    true
                }
                TenureEnd::Panicked(why) => {
                    self.show_panic(&why);
                    // It may be half changed.
                    carried = Carried::default();
                    true
                }
                TenureEnd::Rejected(rejected) => {
                    tracing::warn!(
                        partition = self.partition,
                        decisions = rejected.len(),
                        "a store will not take decisions: reclaiming the partition to void them"
                    );
                    carried.rejected = rejected;
                    self.show_stuck(&carried, "a store refuses decisions again and again");
                    carried.stuck > STUCK
                }
            };
            if started.elapsed() > Duration::from_secs(30) {
                backoff.reset();
            }
            if paced {
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    }

    /// Makes a partition that is taken again and again without progress visible.
    fn show_stuck(&self, carried: &Carried, why: &str) {
        if carried.stuck >= STUCK {
            let why = format!("reclaimed {} times without progress: {why}", carried.stuck);
            let health = &self.worker.ports.health;
            health.set(&component(self.partition), State::Missing { why });
        }
    }

    /// The partition is given back and taken anew: what a panic left half done is finished as what
    /// a crash leaves.
    fn show_panic(&self, why: &str) {
        tracing::error!(
            partition = self.partition,
            why,
            "ALARM: the partition's task panicked: reclaiming the partition"
        );
        self.worker.metrics.alarm();
        let why = format!("its task panicked and is started again: {why}");
        let health = &self.worker.ports.health;
        health.set(&component(self.partition), State::Missing { why });
    }

    async fn tenure(&self, carried: &mut Carried) -> Result<(), TenureEnd> {
        let rejected = std::mem::take(&mut carried.rejected);
        let mut taken = self.take().await?;
        if carried.next == Some(taken.window.next()) {
            carried.stuck += 1;
        } else {
            (carried.next, carried.stuck) = (Some(taken.window.next()), 0);
            self.worker.ports.health.forget(&component(self.partition));
        }
        self.undo(&mut taken, &rejected).await?;
        let recent = self.finish(&taken, &mut carried.resolved).await?;
        self.worker.ports.finished.add(self.partition);
        self.flow(taken, recent, &mut carried.resolved).await
    }
}
