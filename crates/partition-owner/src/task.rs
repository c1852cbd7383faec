//! The life of an owned partition's task: tenures that follow each other until shutdown, revocation
//! or alarm. A tenure that panics is followed by one with nothing of what it had in hand.

use crate::{OwnedPartition, OwnerNotice, PartitionWork, RetakePause, TenureOutcome};
use runtime::{Backoff, catch_panic};
use std::{pin::pin, sync::Arc, time::Duration};

pub(crate) struct OwnerTask<W> {
    pub work: Arc<W>,
    pub owned: OwnedPartition,
    pub backoff: Backoff,
    /// A tenure that lasted so long is a good one.
    pub settled_after: Duration,
}

impl<W: PartitionWork> OwnerTask<W> {
    pub async fn run(mut self) {
        let mut carried = W::Carried::default();
        loop {
            let wait = match self.run_tenure(&mut carried).await {
                Ok(TenureOutcome::Stopped) => return,
                Ok(TenureOutcome::Halted(why)) => return self.halt_partition(why),
                Ok(TenureOutcome::Retake { why, pause }) => self.retake_partition(&why, pause),
                Err(panic) => {
                    // It may be half changed.
                    carried = W::Carried::default();
                    self.note_panic(&panic)
                }
            };
            tokio::select! {
                biased;
                () = self.owned.shutdown.soft() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One tenure; `Err`: what it said when it panicked.
    async fn run_tenure(&mut self, carried: &mut W::Carried) -> Result<TenureOutcome, String> {
        let (work, owned) = (self.work.clone(), self.owned.clone());
        let mut tenure = pin!(catch_panic(work.tenure(&owned, carried)));
        let mut settled = pin!(tokio::time::sleep(self.settled_after));
        loop {
            tokio::select! {
                biased;
                () = owned.shutdown.hard() => return Ok(TenureOutcome::Stopped),
                ended = &mut tenure => return ended,
                () = &mut settled, if !settled.is_elapsed() => {
                    self.backoff.reset();
                    owned.health.clear_if_shown();
                }
            }
        }
    }

    fn retake_partition(&mut self, why: &str, pause: RetakePause) -> Duration {
        let partition = self.owned.number;
        tracing::warn!(partition, why, "taking the partition again");
        self.work.notice(partition, OwnerNotice::Retaken);
        self.owned.health.ended(why);
        match pause {
            RetakePause::WhenStuck if !self.owned.health.is_stuck() => Duration::ZERO,
            RetakePause::Backoff | RetakePause::WhenStuck => self.backoff.next_wait(),
            RetakePause::Fixed(wait) => wait,
        }
    }

    fn note_panic(&mut self, panic: &str) -> Duration {
        let partition = self.owned.number;
        tracing::error!(
            partition,
            panic,
            "ALARM: the partition's task panicked; taking the partition again"
        );
        self.work.notice(partition, OwnerNotice::Panicked);
        let why = format!("its task panicked and is started again: {panic}");
        self.owned.health.ended(&why);
        self.owned.health.show(why);
        self.backoff.next_wait()
    }

    fn halt_partition(&self, why: String) {
        let partition = self.owned.number;
        tracing::error!(
            partition,
            why,
            "ALARM: the partition stands still until a person acts"
        );
        self.owned.health.show(why);
        self.work.notice(partition, OwnerNotice::Halted);
    }
}
