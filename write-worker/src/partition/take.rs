//! How a partition is taken: `open`, the witnesses, and what stands in `changes` up to it; then the
//! voids of what a store will not take. Not a record of `transactions` is decided before.
//!
//! See ADR 2.

use super::{
    PartitionTask,
    witness::{self, DecidedTail, Evidence, StandingRequest, StandingTail},
};
use crate::{
    append::ChangesAppender,
    decide::RecentRequests,
    mark::{HistoryStart, MarkedTenure},
    record_retry::RecordPart,
    tenure_end::{RejectedDecisions, TenureEnd},
};
use change_feed::{VoidStamp, Window};
use event_log::Offsets;
use event_schema::{
    RequestTail, codec,
    decision::{Change, Mark, Open, TopicIds, Void},
    id::RequestId,
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    topics::CHANGES,
};
use std::collections::VecDeque;
use tokio::time::Instant;

/// A partition that was taken.
pub(super) struct TakenPartition {
    pub appender: ChangesAppender,
    pub window: Window,
    /// Where the window began.
    pub start: HistoryStart,
    pub topics: TopicIds,
    /// The requests before the window's `next`, where those records are still kept.
    pub tail: RequestTail,
    /// The record store has no mark: it may be a new one, which is made from the log.
    pub is_unmarked: bool,
    /// From this position on, the window holds every decision there is.
    pub known_from: TransactionsOffset,
    /// Records before the window's `next` that neither a decision nor a mark names.
    unnamed: Vec<StandingRequest>,
    /// The mark that the record store had.
    marked: Option<Mark>,
    /// The tenure that was in force before, if the record store has a mark.
    pub before: Option<Epoch>,
    /// Records of `transactions` before this may have had decisions that `changes` lost.
    suspect_until: TransactionsOffset,
}

/// Marks are kept while the next batches are applied: so many batches behind the last mark may have
/// been decided without another one.
const UNMARKED_BATCHES: usize = 10;

impl TakenPartition {
    /// Does anything stand that no kept mark says to be resolved?
    pub(super) fn is_past_mark(&self) -> bool {
        let next = self.marked.as_ref().map(|mark| mark.next);
        let through = self.marked.as_ref().map(|mark| mark.through);
        let stands = self.window.standing().last();
        self.window.next() > next.unwrap_or(TransactionsOffset::FIRST)
            || stands.is_some_and(|stands| through.is_none_or(|through| stands > through))
    }

    /// `former`: what the tenures before it have sampled.
    pub(super) fn marked_tenure(&self, former: VecDeque<HistoryStart>) -> MarkedTenure {
        let marked = self.window.marked_start();
        MarkedTenure {
            start: self.start,
            marked: marked.map(|marked| HistoryStart {
                at: self.start.at,
                from: marked.from,
                epoch: marked.epoch,
                next: marked.next,
            }),
            former,
            topics: self.topics.clone(),
            suspect_until: self.suspect_until,
        }
    }
}

impl PartitionTask {
    /// Appends `open` and reads `changes` up to it.
    pub(super) async fn take_partition(&self) -> Result<TakenPartition, TenureEnd> {
        let worker = &self.worker;
        let generation = worker.ports.layout.generation;
        let topics = self.topic_ids().await?;
        let mark = worker
            .retry_until_answered(RecordPart::Marks, || {
                worker.ports.record.mark(generation, self.partition)
            })
            .await?;
        let changes = self.topic_offsets(&worker.topics.changes).await?;
        let appender =
            ChangesAppender::open(worker.clone(), self.partition, self.open_record()).await?;
        // All that was decided before the open lies before this end.
        let transactions = self.topic_offsets(&worker.topics.transactions).await?;
        let epoch = appender.epoch();
        let evidence = Evidence {
            topics: &topics,
            transactions,
            changes,
            epoch,
            standing: match &mark {
                Some(mark) => self.read_standing(mark.next, transactions).await?,
                None => StandingTail::default(),
            },
        };
        if let Some(why) = witness::find_contradiction(mark.as_ref(), &evidence) {
            return Err(TenureEnd::Halted(why));
        }
        if let Some(mark) = &mark {
            worker.parts.known_from(self.partition, &mark.parts);
        }
        let from = mark
            .as_ref()
            .map_or(ChangesOffset::new(changes.earliest), |mark| {
                mark.reapply_from
            });
        let window = self
            .read_window(mark.as_ref(), from, epoch.opened_at())
            .await?;
        tracing::info!(partition = self.partition, %epoch, %from, next = %window.next(), "partition claimed");
        let decided = DecidedTail {
            next: window.next(),
            tail: window.tail(),
        };
        // Marks come after decisions, so the tail may have been lost behind the last of them.
        let standing = self.read_standing(decided.next, transactions).await?;
        if let Some(why) = witness::lost_tail(&decided, transactions, &standing) {
            return Err(TenureEnd::Halted(why));
        }
        let unmarked = (worker.config.batch_records * UNMARKED_BATCHES) as u64;
        let suspect_until = window.next().plus(unmarked);
        Ok(TakenPartition {
            appender,
            start: HistoryStart {
                at: Instant::now(),
                from,
                epoch: mark.as_ref().and_then(|mark| mark.reapply_epoch),
                next: mark
                    .as_ref()
                    .map_or(TransactionsOffset::FIRST, |mark| mark.next),
            },
            topics,
            tail: standing.requests_before(decided.next),
            is_unmarked: mark.is_none(),
            known_from: mark
                .as_ref()
                .map_or(TransactionsOffset::FIRST, |mark| mark.next),
            unnamed: standing.unnamed(&decided),
            before: window.former_tenure().filter(|_| mark.is_some()),
            marked: mark,
            suspect_until: suspect_until.min(TransactionsOffset::new(transactions.end)),
            window,
        })
    }

    /// What is read from now on stands in the log that was looked at: it may have been made again,
    /// or have lost its tail, while what stood was finished.
    pub(super) async fn look_at_log_again(
        &self,
        topics: &TopicIds,
        decided: &DecidedTail,
    ) -> Result<(), TenureEnd> {
        let now = self.topic_ids().await?;
        let transactions = self.topic_offsets(&self.worker.topics.transactions).await?;
        let standing = self.read_standing(decided.next, transactions).await?;
        let lost = || witness::lost_tail(decided, transactions, &standing);
        witness::made_again(topics, &now)
            .or_else(lost)
            .map_or(Ok(()), |why| Err(TenureEnd::Halted(why)))
    }

    fn open_record(&self) -> Open {
        Open {
            owner: self.worker.ports.owner.clone(),
            time: self.worker.ports.clock.now(),
        }
    }

    async fn read_window(
        &self,
        mark: Option<&Mark>,
        from: ChangesOffset,
        open: ChangesOffset,
    ) -> Result<Window, TenureEnd> {
        let generation = self.worker.ports.layout.generation;
        let mut window = Window::from(generation, self.partition, mark);
        let mut next = from;
        while next <= open {
            for (offset, change) in self.read_changes(next, open.next()).await? {
                if next == from && offset > from {
                    let why = "an owner before deleted what its newest mark needs no more";
                    return Err(TenureEnd::Reclaim(why.into()));
                }
                window.fold(offset, &change);
                next = offset.next();
            }
        }
        Ok(window)
    }

    /// When all that stands is finished: what no decision names repeats a request that is known. That
    /// is not asked while something is to be decided again, which the ledger does not know before.
    pub(super) async fn look_for_undecided(
        &self,
        taken: &TakenPartition,
        recent: &RecentRequests,
    ) -> Result<(), TenureEnd> {
        let unnamed = taken.unnamed.iter();
        let asked: Vec<&StandingRequest> = unnamed
            .filter(|standing| !recent.knows(&standing.request))
            .collect();
        if asked.is_empty() || !taken.window.redo().is_empty() {
            return Ok(());
        }
        let ids: Vec<RequestId> = asked.iter().map(|standing| standing.request).collect();
        let record = &self.worker.ports.record;
        let known = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&ids))
            .await?;
        let unknown = asked.iter().zip(known).find(|(_, entry)| entry.is_none());
        unknown.map_or(Ok(()), |(standing, _)| {
            let why = witness::never_decided(standing, taken.window.next());
            Err(TenureEnd::Halted(why))
        })
    }

    async fn topic_ids(&self) -> Result<TopicIds, TenureEnd> {
        let (admin, topics) = (&self.worker.ports.log.admin, &self.worker.topics);
        let mut ids = admin
            .topic_ids(&[&topics.transactions, &topics.changes])
            .await
            .map_err(|error| TenureEnd::Reclaim(error.to_string()))?
            .into_iter();
        Ok(TopicIds {
            transactions: ids.next().flatten(),
            changes: ids.next().flatten(),
        })
    }

    async fn topic_offsets(&self, topic: &str) -> Result<Offsets, TenureEnd> {
        let offsets = self.worker.ports.log.admin.offsets(topic, self.partition);
        offsets
            .await
            .map_err(|error| TenureEnd::Reclaim(error.to_string()))
    }

    /// The last records before this offset, where they are kept.
    async fn read_standing(
        &self,
        next: TransactionsOffset,
        kept: Offsets,
    ) -> Result<StandingTail, TenureEnd> {
        let until = next.get().min(kept.end);
        let from = next.minus(RequestTail::LENGTH).get().max(kept.earliest);
        let records = self.event_records(from, until).await?;
        let topic = &self.worker.topics.transactions;
        Ok(StandingTail::of_records(&records, topic, |offset| {
            self.worker.position_at(self.partition, offset)
        }))
    }

    /// Voids what a store will not take and all that rests on it, and what an owner before left to
    /// be voided. If this ends in the middle, the next owner finds what is left.
    pub(super) async fn undo_rejected(
        &self,
        taken: &mut TakenPartition,
        rejected: &RejectedDecisions,
    ) -> Result<(), TenureEnd> {
        let plan = taken.window.undo(rejected);
        if plan.is_empty() {
            return Ok(());
        }
        let records = self.changes_at(&plan.reads()).await?;
        let events = self.events_at(plan.positions()).await?;
        let stamp = VoidStamp {
            epoch: taken.appender.epoch(),
            first: taken.appender.expected(),
            time: self.worker.ports.clock.now(),
        };
        let voids = plan.voids(&records, &events, stamp).ok_or_else(|| {
            TenureEnd::Reclaim("a decision to be voided could not be read again".into())
        })?;
        let limit = self.worker.ports.layout.record_limit(&CHANGES);
        let voids = voids
            .into_iter()
            .map(|void| Change::Void(fitting_void(void, limit)));
        for (offset, change) in taken.appender.append_all(voids.collect()).await? {
            taken.window.fold(offset, &change);
        }
        Ok(())
    }
}

/// A void that would not fit into a record goes without its event (which `transactions` still has),
/// then without the states that it undoes (which only tell subscribers what went).
fn fitting_void(mut void: Void, limit: usize) -> Void {
    let fits = |void: &Void| {
        let parts = codec::encode_change(&Change::Void(void.clone()));
        parts.value.map_or(0, |value| value.len()) + 4096 <= limit
    };
    if fits(&void) {
        return void;
    }
    void.event = None;
    if !fits(&void) {
        void.documents
            .iter_mut()
            .for_each(|change| change.before = None);
    }
    void
}
