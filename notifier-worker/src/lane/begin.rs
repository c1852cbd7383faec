//! How a partition is taken: where it was left, the claim, and the claim read back. Not a record of
//! it is handled before.

use super::{DeliveryProgress, NotifierLane, Tenure, claim_lost, stream_ended};
use crate::Notifier;
use change_feed::{ChangeFeed, ResumePoint};
use event_log::{NewRecord, Offsets, RangeScan, consumer::From};
use event_schema::{
    codec,
    membership::{MembershipRecord, PartitionClaim},
    notification::{Mail, Progress},
    offset::{ChangesOffset, Epoch, InformativeOffset},
};
use matching::Scratch;
use partition_owner::TenureOutcome;
use std::{collections::VecDeque, ops::Range, time::Duration};
use tokio::time::Instant;

/// Records looked through at a time, backwards, for the newest open.
const STRETCH: u64 = 5_000;
/// After so many without one: a ghost never writes that many, so the highest epoch among them is
/// the one in force.
const ENOUGH: u64 = 50_000;

impl NotifierLane {
    /// `told`: how far this lane knows that the partition was told, whatever was committed.
    pub(super) async fn take_partition(
        &self,
        delivered: Option<DeliveryProgress>,
    ) -> Result<Tenure, TenureOutcome> {
        let committed = self.committed_progress().await?;
        let left = match (committed, delivered) {
            (Some(committed), Some(delivered))
                if delivered.resume.offset > committed.resume.offset =>
            {
                Some(delivered)
            }
            (committed, delivered) => committed.or(delivered),
        };
        // Known before the claim: whoever is promised anything by it comes later.
        let (changes, informative) = (
            self.topic_bounds(&self.notifier.topics.changes).await?,
            self.topic_bounds(&self.notifier.topics.informative).await?,
        );
        let claim = self.append_claim().await?;
        let (progress, missed) = match left {
            Some(progress) => self.clamp_progress(progress, changes, informative).await?,
            None => {
                let resume = ResumePoint {
                    offset: ChangesOffset::new(changes.end),
                    epoch: self.epoch_at(changes).await?,
                };
                let progress = DeliveryProgress {
                    resume,
                    informative: InformativeOffset::new(informative.end),
                    rooms: claim,
                };
                self.settle_beginning(progress).await?;
                (progress, false)
            }
        };
        self.read_back(claim).await?;
        if missed {
            self.tell_missed().await?;
        }
        let limit = self.notifier.config.undone_bytes;
        let stream = self.owned.open(progress.resume.offset.get()).await;
        let reader = &self.notifier.ports.log.reader;
        let messages = reader
            .tail(
                &self.notifier.topics.informative,
                self.partition,
                From::Offset(progress.informative.get()),
            )
            .await;
        tracing::info!(
            partition = self.partition,
            claim,
            changes = %progress.resume.offset,
            informative = %progress.informative,
            rooms = progress.rooms,
            "partition claimed"
        );
        Ok(Tenure {
            claim,
            feed: ChangeFeed::from(progress.resume, limit),
            changes: stream.map_err(stream_ended)?,
            informative: messages.map_err(stream_ended)?,
            sent: progress,
            waiting: VecDeque::new(),
            in_flight: 0,
            delivered: progress,
            committed: progress,
            commit_at: Instant::now(),
            scratch: Scratch::default(),
        })
    }

    async fn committed_progress(&self) -> Result<Option<DeliveryProgress>, TenureOutcome> {
        let ports = &self.notifier.ports;
        let committed = ports
            .log
            .groups
            .committed(
                &ports.layout.notifier_group(),
                &self.notifier.topics.changes,
                self.partition,
            )
            .await;
        let Some(committed) =
            committed.map_err(|error| TenureOutcome::retake(error.to_string()))?
        else {
            return Ok(None);
        };
        match DeliveryProgress::parse(committed.offset, &committed.metadata) {
            Some(progress) => Ok(Some(progress)),
            None => Err(TenureOutcome::Halted(format!(
                "the group's commit says `{}`, which no notifier wrote",
                committed.metadata
            ))),
        }
    }

    async fn topic_bounds(&self, topic: &str) -> Result<Offsets, TenureOutcome> {
        self.notifier
            .ports
            .log
            .admin
            .offsets(topic, self.partition)
            .await
            .map_err(|error| TenureOutcome::retake(error.to_string()))
    }

    /// Appends our claim; answers where it stands in `rooms`.
    async fn append_claim(&self) -> Result<u64, TenureOutcome> {
        let claim = PartitionClaim {
            notifier: self.notifier.ports.notifier.clone(),
            partition: self.partition,
        };
        let parts = codec::encode_membership(&MembershipRecord::PartitionClaimed(claim));
        let topic = self.notifier.topics.rooms.clone();
        let record = NewRecord {
            topic,
            partition: 0,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        let appended = self.notifier.enqueue(record).await?.await;
        appended.map(|appended| appended.offset).map_err(|error| {
            TenureOutcome::retake(format!("the claim was not acknowledged: {error}"))
        })
    }

    /// Waits until everything up to the claim is folded, and it is the newest.
    async fn read_back(&self, claim: u64) -> Result<(), TenureOutcome> {
        let mut folded = self.notifier.registry.folded();
        folded
            .wait_for(|next| *next > claim)
            .await
            .map_err(|_| TenureOutcome::Stopped)?;
        if self.is_ours() {
            Ok(())
        } else {
            Err(claim_lost())
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.notifier
            .registry
            .read()
            .memberships
            .owner(self.partition)
            == Some(self.notifier.ports.notifier.as_str())
    }

    /// Where to go on, and whether records before it were deleted unread. A position beyond the end is
    /// never guessed around.
    async fn clamp_progress(
        &self,
        mut progress: DeliveryProgress,
        changes: Offsets,
        informative: Offsets,
    ) -> Result<(DeliveryProgress, bool), TenureOutcome> {
        let mut has_missed = false;
        let bounds = [
            ("changes", progress.resume.offset.get(), changes),
            ("informative", progress.informative.get(), informative),
        ];
        for (name, at, bounds) in bounds {
            if at > bounds.end {
                return Err(TenureOutcome::Halted(format!(
                    "`{name}` ends at {}, before {at} where it was left: its tail was lost, or it was deleted and made again",
                    bounds.end
                )));
            }
            if at < bounds.earliest {
                let missed = bounds.earliest - at;
                tracing::error!(
                    partition = self.partition,
                    topic = name,
                    missed,
                    "records were deleted before a notifier read them; subscribers are notified"
                );
                self.notifier.metrics.skipped(missed);
                has_missed = true;
            }
        }
        if progress.resume.offset.get() < changes.earliest {
            progress.resume = ResumePoint {
                offset: ChangesOffset::new(changes.earliest),
                epoch: self.epoch_from(changes).await?,
            };
        }
        let first = InformativeOffset::new(informative.earliest);
        progress.informative = progress.informative.max(first);
        Ok((progress, has_missed))
    }

    /// Every gateway hears that changes of the partition are lost, so that its subscribers come
    /// again and look. Until all of that is in the log, the progress is not moved on: whoever takes
    /// the partition next finds the same gap, and says so again.
    async fn tell_missed(&self) -> Result<(), TenureOutcome> {
        let gateways: Vec<(String, u16)> = {
            let state = self.notifier.registry.read();
            let mailbox =
                |instance: &str| Some((instance.to_owned(), state.memberships.mailbox(instance)?));
            let instances = state.memberships.instances();
            instances
                .filter_map(|(instance, _)| mailbox(instance))
                .collect()
        };
        let mut deliveries = Vec::with_capacity(gateways.len());
        for (instance, mailbox) in gateways {
            let progress = Progress {
                instance,
                notifier: self.notifier.ports.notifier.clone(),
                owners: Vec::new(),
                missed: vec![self.partition],
                rooms: 0,
            };
            let mail = Mail::Progress(progress);
            deliveries.extend(self.notifier.post_mail(mailbox, &mail).await?);
        }
        for delivery in deliveries {
            delivery
                .await
                .map_err(|error| TenureOutcome::retake(error.to_string()))?;
        }
        Ok(())
    }

    /// The epoch in force at the beginning of what is kept of `changes`: that of its first record,
    /// if that stands where it must.
    async fn epoch_from(&self, changes: Offsets) -> Result<Option<Epoch>, TenureOutcome> {
        let mut scan = self.scan_changes(changes.earliest..changes.earliest + 1);
        let records = scan.next().await.map_err(stream_ended)?.unwrap_or_default();
        let first = records
            .first()
            .and_then(|record| codec::decode_change(&crate::record_parts(record)).ok());
        let progress = first.and_then(|change| change.place());
        let here = ChangesOffset::new(changes.earliest);
        Ok(progress.and_then(|(epoch, at)| (at == here).then_some(epoch)))
    }

    /// Nobody ever was here: the beginning is agreed with whoever comes next, before anybody is
    /// promised anything.
    async fn settle_beginning(&self, progress: DeliveryProgress) -> Result<(), TenureOutcome> {
        for _ in 0..50 {
            self.owned
                .commit(progress.resume.offset.get(), progress.metadata())
                .await
                .map_err(stream_ended)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.committed_progress().await?.is_some() {
                return Ok(());
            }
        }
        Err(TenureOutcome::retake("the group does not take a commit"))
    }

    /// The epoch in force at the end of `changes`: that of the newest open, looked for backwards.
    async fn epoch_at(&self, changes: Offsets) -> Result<Option<Epoch>, TenureOutcome> {
        let (mut until, mut highest) = (changes.end, None);
        while until > changes.earliest && changes.end - until < ENOUGH {
            let from = until.saturating_sub(STRETCH).max(changes.earliest);
            let mut newest = None;
            let mut scan = self.scan_changes(from..until);
            while let Some(records) = scan.next().await.map_err(stream_ended)? {
                for record in &records {
                    // One that cannot be read is an alarm when it is met in order.
                    let Ok(change) = codec::decode_change(&crate::record_parts(record)) else {
                        continue;
                    };
                    match change.place() {
                        None => newest = Some(ChangesOffset::new(record.offset)),
                        Some((epoch, _)) => highest = highest.max(Some(epoch)),
                    }
                }
            }
            if let Some(open) = newest {
                return Ok(Some(Epoch::begun_at(open)));
            }
            until = from;
        }
        Ok(highest)
    }

    pub(super) fn scan_changes(&self, range: Range<u64>) -> RangeScan<'_> {
        let Notifier { ports, topics, .. } = &*self.notifier;
        ports.log.scan(&topics.changes, self.partition, range)
    }
}
