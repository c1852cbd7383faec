//! The life of an owned partition: claim it, read the claim back, then match what comes and tell
//! it.
//!
//! One state machine in straight lines: whatever goes wrong ends the tenure with a
//! [`TenureOutcome`] that says whether to take the partition again, to stop it and call a person, or
//! to let go. Pushes are sent without waiting; how far the partition is moves on with their
//! acknowledgements.

mod begin;
mod deliver;
mod steps;

use crate::{Notifier, rooms::Handling};
use change_feed::{ChangeFeed, ResumePoint};
use event_log::{Delivery, Limits, PartitionStream, StreamError};
use event_schema::{
    notification::{FeedOwner, FeedPosition},
    offset::{ChangesOffset, Epoch, InformativeOffset},
};
use matching::Scratch;
use partition_owner::{OwnedPartition, OwnerNotice, PartitionWork, RetakePause, TenureOutcome};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// What this service does with the partitions that it owns.
pub(crate) struct NotifierTenures(pub Arc<Notifier>);

/// One owned partition.
pub(crate) struct NotifierLane {
    notifier: Arc<Notifier>,
    partition: u16,
    owned: OwnedPartition,
}

/// How far a partition is: what another needs to go on without missing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryProgress {
    pub resume: ResumePoint,
    /// The next record of `informative`.
    pub informative: InformativeOffset,
    /// The last record of `rooms` whose presence events are sent.
    pub rooms: u64,
}

/// What of the progress stands in a commit's metadata.
#[derive(Debug, Serialize, Deserialize)]
struct Metadata {
    epoch: Option<Epoch>,
    informative: InformativeOffset,
    rooms: u64,
}

impl DeliveryProgress {
    pub fn metadata(&self) -> String {
        let metadata = Metadata {
            epoch: self.resume.epoch,
            informative: self.informative,
            rooms: self.rooms,
        };
        serde_json::to_string(&metadata).expect("three numbers")
    }

    /// `None`: not one of ours.
    pub fn parse(offset: u64, metadata: &str) -> Option<Self> {
        let Metadata {
            epoch,
            informative,
            rooms,
        } = serde_json::from_str(metadata).ok()?;
        Some(Self {
            resume: ResumePoint {
                offset: ChangesOffset::new(offset),
                epoch,
            },
            informative,
            rooms,
        })
    }
}

/// A partition that is ours, and how far it is.
struct Tenure {
    /// The claim by which it is ours: its offset in `rooms`.
    claim: u64,
    feed: ChangeFeed,
    changes: Box<dyn PartitionStream>,
    informative: Box<dyn PartitionStream>,
    /// Everything before it was sent.
    sent: DeliveryProgress,
    /// Sent, in order, and not all acknowledged.
    waiting: VecDeque<LaneBatch>,
    /// Pushes among them.
    in_flight: usize,
    /// Everything before it was acknowledged.
    delivered: DeliveryProgress,
    committed: DeliveryProgress,
    commit_at: Instant,
    scratch: Scratch,
}

impl Tenure {
    /// Everything before it was sent.
    fn position(&self) -> FeedPosition {
        let DeliveryProgress {
            resume,
            informative,
            ..
        } = self.sent;
        FeedPosition {
            resume: resume.offset,
            epoch: resume.epoch,
            next: self.feed.next(),
            emitted: 0,
            informative,
        }
    }
}

/// What was sent together.
struct LaneBatch {
    deliveries: VecDeque<Delivery>,
    /// Where the partition is when they are acknowledged.
    then: DeliveryProgress,
}

#[async_trait::async_trait]
impl PartitionWork for NotifierTenures {
    /// The furthest that is known to be told, whatever became of commits.
    type Carried = Option<DeliveryProgress>;

    async fn tenure(
        &self,
        owned: &OwnedPartition,
        delivered: &mut Option<DeliveryProgress>,
    ) -> TenureOutcome {
        let lane = NotifierLane {
            notifier: self.0.clone(),
            partition: owned.number(),
            owned: owned.clone(),
        };
        let ended = lane.run_tenure(delivered).await;
        ended.err().unwrap_or(TenureOutcome::Stopped)
    }

    fn notice(&self, partition: u16, notice: OwnerNotice) {
        let metrics = &self.0.metrics;
        match notice {
            OwnerNotice::Retaken => metrics.retaken(),
            OwnerNotice::Panicked => {
                metrics.retaken();
                metrics.alarm();
            }
            OwnerNotice::Halted => metrics.alarm(),
            OwnerNotice::Revoked => metrics.forget(partition),
        }
    }
}

/// Another notifier claimed the partition behind us. If the group still says that it is ours, so do
/// we, but only after it had time to tell.
fn claim_lost() -> TenureOutcome {
    const DISPUTE: Duration = Duration::from_secs(3);
    TenureOutcome::Retake {
        why: "another notifier claimed the partition".into(),
        pause: RetakePause::Fixed(DISPUTE),
    }
}

impl NotifierLane {
    async fn run_tenure(
        &self,
        delivered: &mut Option<DeliveryProgress>,
    ) -> Result<(), TenureOutcome> {
        let mut tenure = tokio::select! {
            () = self.owned.shutdown().soft() => return Ok(()),
            begun = self.take_partition(*delivered) => begun?,
        };
        self.owned.taken_at(tenure.delivered.resume.offset.get());
        let handling = self
            .notifier
            .registry
            .begin(self.feed_owner(&tenure, tenure.position()));
        let ended = self.run_flow(&mut tenure, &handling).await;
        *delivered = Some(tenure.delivered);
        ended
    }

    fn feed_owner(&self, tenure: &Tenure, position: FeedPosition) -> FeedOwner {
        FeedOwner {
            partition: self.partition,
            claim: tenure.claim,
            position,
        }
    }

    async fn run_flow(
        &self,
        tenure: &mut Tenure,
        handling: &Handling<'_>,
    ) -> Result<(), TenureOutcome> {
        let config = &self.notifier.config;
        let limits = Limits {
            records: config.batch_records,
            bytes: config.batch_bytes,
        };
        let mut folded = self.notifier.registry.folded();
        // What came while the claim was read back.
        self.deliver_presence(tenure).await?;
        loop {
            let may_read = tenure.in_flight < config.pushes_in_flight;
            tokio::select! {
                () = self.owned.shutdown().soft() => return self.finish_deliveries(tenure).await,
                settled = settle_oldest(&mut tenure.waiting, &mut tenure.in_flight), if !tenure.waiting.is_empty() => {
                    tenure.delivered = settled?;
                    self.owned.progressed();
                }
                () = sleep_until(tenure.commit_at), if tenure.delivered != tenure.committed => self.commit_progress(tenure),
                Ok(()) = folded.changed() => self.deliver_presence(tenure).await?,
                records = tenure.changes.next(limits), if may_read => {
                    self.deliver_changes(tenure, &records.map_err(stream_ended)?).await?;
                    handling.moved(tenure.position());
                }
                records = tenure.informative.next(limits), if may_read => {
                    self.deliver_messages(tenure, &records.map_err(stream_ended)?).await?;
                    handling.moved(tenure.position());
                }
            }
        }
    }

    /// Waits for what was sent, and says how far the partition is.
    async fn finish_deliveries(&self, tenure: &mut Tenure) -> Result<(), TenureOutcome> {
        while !tenure.waiting.is_empty() {
            tenure.delivered = settle_oldest(&mut tenure.waiting, &mut tenure.in_flight).await?;
        }
        self.commit_progress(tenure);
        Ok(())
    }

    /// Not awaited: if it is lost, a little is told twice.
    fn commit_progress(&self, tenure: &mut Tenure) {
        let progress = tenure.delivered;
        if self
            .owned
            .try_commit(progress.resume.offset.get(), progress.metadata())
        {
            tenure.committed = progress;
        }
        tenure.commit_at = Instant::now() + Duration::from_millis(self.notifier.config.commit_ms);
    }
}

/// Waits until the oldest batch is acknowledged; answers where the partition is then. Cancel-safe.
async fn settle_oldest(
    waiting: &mut VecDeque<LaneBatch>,
    in_flight: &mut usize,
) -> Result<DeliveryProgress, TenureOutcome> {
    let Some(batch) = waiting.front_mut() else {
        return std::future::pending().await;
    };
    while let Some(delivery) = batch.deliveries.front_mut() {
        delivery.await.map_err(|error| {
            TenureOutcome::retake(format!("a push was not acknowledged: {error}"))
        })?;
        batch.deliveries.pop_front();
        *in_flight -= 1;
    }
    let then = batch.then;
    waiting.pop_front();
    Ok(then)
}

fn stream_ended(error: StreamError) -> TenureOutcome {
    match error {
        StreamError::Revoked => TenureOutcome::Stopped,
        StreamError::Unavailable(why) => TenureOutcome::retake(why),
        // Deleted behind our back, say: taking it again finds out.
        error @ StreamError::OutOfRange { .. } => TenureOutcome::retake(error.to_string()),
        error @ (StreamError::Damaged { .. } | StreamError::TailLost { .. }) => {
            TenureOutcome::Halted(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
