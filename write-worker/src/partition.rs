//! The life of an owned partition: take it, finish what stands, decide again what was voided, then
//! decide and apply what comes.
//!
//! Whatever goes wrong ends the tenure with a [`TenureEnd`] that says whether to take the partition
//! again, to stop it and call a person, or to let go. There is one way to finish half-done work,
//! [`PartitionTask::finish_standing`], whoever left it half done.

mod finish;
mod flood;
mod flow;
mod history;
mod locks;
mod marks;
mod take;
mod witness;

use crate::{
    Worker,
    mark::StoredMarks,
    tenure_end::{RejectedDecisions, TenureEnd},
};
use event_schema::{flood::DeadLetterFlood, offset::ChangesOffset};
use parking_lot::Mutex;
use partition_owner::{OwnedPartition, OwnerNotice, PartitionWork, RetakePause, TenureOutcome};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// What this service does with the partitions that it owns.
pub(crate) struct WriteTenures(pub Arc<Worker>);

/// One owned partition.
struct PartitionTask {
    worker: Arc<Worker>,
    partition: u16,
    owned: OwnedPartition,
}

/// What one tenure leaves to the next of the same process.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// To be voided.
    rejected: RejectedDecisions,
    /// Records of `changes` whose effects stand everywhere: they need not be applied again, unless
    /// the record store was away meanwhile.
    resolved: BTreeSet<ChangesOffset>,
    /// By what the partition waits.
    flood: Option<Box<DeadLetterFlood>>,
    /// To which marks the record store may go back, and what was resolved when.
    marks: Option<Arc<Mutex<StoredMarks>>>,
    /// How often the record store had been away by then.
    absences: u64,
}

#[async_trait::async_trait]
impl PartitionWork for WriteTenures {
    type Carried = Carried;

    async fn tenure(&self, owned: &OwnedPartition, carried: &mut Carried) -> TenureOutcome {
        let task = PartitionTask {
            worker: self.0.clone(),
            partition: owned.number(),
            owned: owned.clone(),
        };
        let presence = &self.0.presence;
        tokio::select! {
            biased;
            () = owned.shutdown().soft() => return TenureOutcome::Stopped,
            () = presence.present() => {}
        }
        carried.look_for_absences(presence.absences());
        let end = tokio::select! {
            biased;
            () = presence.absent_since(carried.absences) => {
                TenureEnd::Reclaim("the record store was away and may have forgotten".into())
            }
            end = task.run_tenure(carried) => end.err().unwrap_or(TenureEnd::Stopped),
        };
        carried.after_tenure(end)
    }

    fn notice(&self, partition: u16, notice: OwnerNotice) {
        match notice {
            OwnerNotice::Retaken => {}
            OwnerNotice::Panicked => self.0.metrics.alarm(),
            OwnerNotice::Halted => {
                self.0.metrics.alarm();
                // What stands in it is not applied before a person acts.
                self.0.ports.finished.add(partition);
            }
            OwnerNotice::Revoked => {
                self.0.metrics.partitions.forget(partition);
                self.0.floods.forget(partition);
            }
        }
    }
}

impl Carried {
    /// What was resolved before the record store was away may be gone.
    fn look_for_absences(&mut self, absences: u64) {
        if self.absences != absences {
            self.absences = absences;
            self.resolved.clear();
            self.forget_samples();
        }
    }

    fn forget_samples(&self) {
        if let Some(marks) = &self.marks {
            marks.lock().forget_samples();
        }
    }

    /// What follows from the end of a tenure, and what the next one is left.
    fn after_tenure(&mut self, end: TenureEnd) -> TenureOutcome {
        match end {
            TenureEnd::Stopped => TenureOutcome::Stopped,
            TenureEnd::Halted(why) => TenureOutcome::Halted(why),
            TenureEnd::Reclaim(why) => {
                (self.rejected, self.resolved) = Default::default();
                self.forget_samples();
                TenureOutcome::retake(why)
            }
            TenureEnd::Flooded(flood) => {
                (self.rejected, self.resolved) = Default::default();
                let why = format!("a flood of dead letters of `{}`", flood.operation);
                self.flood = Some(flood);
                let pause = RetakePause::Fixed(Duration::ZERO);
                TenureOutcome::Retake { why, pause }
            }
            TenureEnd::Rejected(rejected) => {
                let why = format!("a store will not take {} decisions", rejected.len());
                self.rejected = rejected;
                let pause = RetakePause::WhenStuck;
                TenureOutcome::Retake { why, pause }
            }
        }
    }
}

impl PartitionTask {
    async fn run_tenure(&self, carried: &mut Carried) -> Result<(), TenureEnd> {
        let rejected = std::mem::take(&mut carried.rejected);
        let mut taken = self.take_partition().await?;
        self.owned.taken_at(taken.window.next().get());
        self.undo_rejected(&mut taken, &rejected).await?;
        self.worker.read_flood(self.partition).await;
        let flood = carried.flood.take();
        let finished = self.finish_standing(&taken, &mut carried.resolved).await;
        if let Err(TenureEnd::Flooded(flood)) = &finished {
            self.wait_for_passage(flood).await?;
        }
        let recent = finished?;
        self.look_for_undecided(&taken, &recent).await?;
        self.worker.ports.finished.add(self.partition);
        let stored = carried.marks.get_or_insert_with(|| {
            let stored = StoredMarks::of(&self.worker);
            Arc::new(Mutex::new(stored))
        });
        let marks = self.begin_marks(&mut taken, stored).await?;
        if let Some(flood) = flood {
            self.wait_for_passage(&flood).await?;
        }
        let queues = self.key_queues().await?;
        let remembered = (recent, queues);
        self.run_flow(taken, marks, remembered, &mut carried.resolved)
            .await
    }
}
