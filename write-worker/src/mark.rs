//! Marks: how far everything is resolved. The decider appends them (only it writes to `changes`); a
//! small task keeps the newest in the record store, hints it to the group, and deletes what is no
//! longer needed. Neither is waited for.
//!
//! See ADR 3.

mod stored;

use crate::{Worker, parts::PartProgress};
use event_schema::{
    RequestTail,
    decision::{Mark, TopicIds},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
};
use parking_lot::Mutex;
use partition_owner::OwnedPartition;
use std::{collections::VecDeque, sync::Arc, time::Duration};
pub(crate) use stored::StoredMarks;
use tokio::{sync::watch, time::Instant};

/// How far the stores are: told by the applier, read by the decider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last batch that is applied.
    pub batch: u64,
    /// `None` until the first is known.
    pub resolved: Option<Resolved>,
}

/// Up to where everything is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The last resolved record of `changes`.
    pub through: ChangesOffset,
    /// The first record of `transactions` that is not.
    pub next: TransactionsOffset,
    /// The requests of the records before `next`.
    pub tail: RequestTail,
}

/// A moment, and where one that must apply everything since then again would have to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryStart {
    /// By a clock that no one sets.
    pub at: Instant,
    pub from: ChangesOffset,
    /// In force at `from`.
    pub epoch: Option<Epoch>,
    /// The first record of `transactions` that was not resolved then.
    pub next: TransactionsOffset,
}

/// A mark, and what of the log must be kept for the sake of a store that may forget it.
#[derive(Clone, Debug)]
pub(crate) struct KeptMark {
    pub mark: Mark,
    /// Where the mark says to begin.
    pub start: HistoryStart,
    pub needed: HistoryStart,
}

/// Between two marks of a partition in the record store: what is marked late is only applied again.
const PAUSE: Duration = Duration::from_millis(20);

/// How far apart the moments are that history is remembered by.
const SAMPLE: Duration = Duration::from_secs(1);

/// What the marks of a tenure begin with.
#[derive(Clone, Debug)]
pub(crate) struct MarkedTenure {
    /// Where its window began.
    pub start: HistoryStart,
    /// Where the last mark before it says to begin, if the record store had an older one.
    pub marked: Option<HistoryStart>,
    /// What the tenures before it have sampled, oldest first, where that may be gone on with.
    pub former: VecDeque<HistoryStart>,
    pub topics: TopicIds,
    /// Records of `transactions` before this may have had decisions that `changes` lost.
    pub suspect_until: TransactionsOffset,
}

impl MarkedTenure {
    /// Where marks may let the window begin from the first on, oldest first.
    fn samples(&self) -> VecDeque<HistoryStart> {
        [self.start].into_iter().chain(self.marked).collect()
    }
}

/// Makes the marks of one tenure.
///
/// A lost decision is found by what it left in a store, when its event is decided again: the store
/// names a version at which the log has something else. That is only seen by whoever knows what the
/// log has there, so marks do not let the window begin any later before those events are decided.
pub(crate) struct Marker {
    generation: u16,
    partition: u16,
    /// History to apply again when the partition is taken.
    window: Duration,
    /// Oldest first: where twice the window starts. A mark that the store forgets may be one window
    /// old, and itself points one window back.
    samples: VecDeque<HistoryStart>,
    /// Those of the tenures before it, until they may count.
    former: VecDeque<HistoryStart>,
    topics: TopicIds,
    suspect_until: TransactionsOffset,
    last: Option<Resolved>,
    newest: watch::Sender<Option<KeptMark>>,
    /// What the record store took, and what was sampled, in this tenure and those before it.
    stored: Arc<Mutex<StoredMarks>>,
    /// How far its decisions' parts went.
    parts: Arc<PartProgress>,
}

impl Marker {
    pub fn new(
        worker: &Worker,
        partition: u16,
        tenure: MarkedTenure,
        newest: watch::Sender<Option<KeptMark>>,
        stored: Arc<Mutex<StoredMarks>>,
    ) -> Self {
        Self {
            generation: worker.ports.layout.generation,
            partition,
            window: reapply_window(worker),
            stored,
            samples: tenure.samples(),
            former: tenure.former,
            topics: tenure.topics,
            suspect_until: tenure.suspect_until,
            last: None,
            newest,
            parts: worker.parts.clone(),
        }
    }

    /// The mark that says this progress at this moment, unless it was said. `epoch`: of the tenure;
    /// `time`: Unix milliseconds, which only informs.
    pub fn due(
        &mut self,
        progress: Progress,
        epoch: Epoch,
        at: Instant,
        time: i64,
    ) -> Option<Mark> {
        let resolved = progress
            .resolved
            .filter(|resolved| self.last != Some(*resolved))?;
        Some(self.make_mark(resolved, epoch, at, time))
    }

    /// The mark that says this progress, whether it was said or not; `None` while there is none.
    pub fn again(
        &mut self,
        progress: Progress,
        epoch: Epoch,
        at: Instant,
        time: i64,
    ) -> Option<Mark> {
        Some(self.make_mark(progress.resolved?, epoch, at, time))
    }

    fn make_mark(&mut self, resolved: Resolved, epoch: Epoch, at: Instant, time: i64) -> Mark {
        self.last = Some(resolved);
        let Resolved {
            through,
            next,
            tail,
        } = resolved;
        let now = HistoryStart {
            at,
            from: through.next(),
            epoch: Some(epoch),
            next,
        };
        if self.sample_history(now) && !self.window.is_zero() {
            let samples = self.samples.clone();
            self.stored.lock().leave_samples(epoch, samples);
        }
        let reapply = self.window_start();
        Mark {
            epoch,
            at: through.next(),
            generation: self.generation,
            partition: self.partition,
            through,
            next,
            time,
            reapply_from: reapply.from,
            reapply_epoch: reapply.epoch,
            topics: self.topics.clone(),
            tail,
            parts: self.parts.furthest(self.partition),
        }
    }

    /// Says whether this became one.
    fn sample_history(&mut self, now: HistoryStart) -> bool {
        if self.is_suspect(now.next) {
            return false;
        }
        if !self.former.is_empty() {
            // They say more than where the window began when the partition was taken.
            self.samples = std::mem::take(&mut self.former);
        }
        let is_due = |last: &HistoryStart| now.at.duration_since(last.at) >= SAMPLE;
        let is_new = self.window.is_zero() || self.samples.back().is_none_or(is_due);
        if is_new {
            self.samples.push_back(now);
        }
        let is_old = |sample: &HistoryStart| now.at.duration_since(sample.at) >= 2 * self.window;
        while self.samples.get(1).is_some_and(is_old) {
            self.samples.pop_front();
        }
        is_new
    }

    /// Is there something before this that may have been decided, and lost?
    fn is_suspect(&self, next: TransactionsOffset) -> bool {
        next < self.suspect_until
    }

    /// The newest sample that is a whole window old, else the oldest there is.
    fn window_start(&self) -> HistoryStart {
        let newest = self.samples.back().map(|sample| sample.at);
        let is_old = |sample: &&HistoryStart| {
            newest.is_some_and(|newest| newest.duration_since(sample.at) >= self.window)
        };
        let start = self.samples.iter().rev().find(is_old);
        *start.unwrap_or(&self.samples[0])
    }

    /// From here on anything may be applied again, whoever takes the partition: by the mark that the
    /// record store has, by the one that is about to be kept, and by one that comes back because the
    /// store forgot newer ones. `None`: that cannot be said yet.
    pub fn reapplied_from(&self, stored: &Mark, now: Instant) -> Option<ChangesOffset> {
        let kept = self.newest.borrow();
        let about_to_be = kept.iter().map(|kept| kept.mark.reapply_from);
        let needed = kept.iter().map(|kept| kept.needed.from);
        let from = about_to_be
            .chain(needed)
            .fold(stored.reapply_from.min(self.samples[0].from), Ord::min);
        let start = HistoryStart {
            from,
            ..self.samples[0]
        };
        let bound = self.stored.lock().bound(now, start);
        bound.map(|bound| bound.from)
    }

    /// The mark stands in `changes`: the task may keep it. Newer ones may have been made by now that
    /// need less, but until one of them is kept this is where the next owner begins.
    pub fn keep(&self, mark: Mark) {
        let mut needed = self.samples[0];
        needed.from = needed.from.min(mark.reapply_from);
        let is_start = |sample: &&HistoryStart| sample.from == mark.reapply_from;
        let sample = self.samples.iter().find(is_start).copied();
        let start = sample.unwrap_or(HistoryStart {
            from: mark.reapply_from,
            next: mark.next.min(needed.next),
            ..needed
        });
        let kept = KeptMark {
            mark,
            start,
            needed,
        };
        self.newest.send_replace(Some(kept));
    }
}

/// History to apply again when a partition is taken.
fn reapply_window(worker: &Worker) -> Duration {
    let default = if worker.forgetful { 60_000 } else { 0 };
    Duration::from_millis(worker.config.reapply_window_ms.unwrap_or(default))
}

impl StoredMarks {
    /// As long as this worker's store may go back.
    pub fn of(worker: &Worker) -> Self {
        Self::new(if worker.forgetful {
            reapply_window(worker)
        } else {
            Duration::ZERO
        })
    }
}

/// Keeps the newest mark of a partition until the tenure is over (the sender is dropped).
pub(crate) async fn keep_marks(
    worker: Arc<Worker>,
    owned: OwnedPartition,
    mut newest: watch::Receiver<Option<KeptMark>>,
    stored: Arc<Mutex<StoredMarks>>,
) {
    let partition = owned.number();
    let mut backoff = worker.config.backoff();
    let mut trimmed = TransactionsOffset::FIRST;
    while newest.changed().await.is_ok() {
        let Some(kept) = newest.borrow_and_update().clone() else {
            continue;
        };
        if let Err(error) = worker.ports.record.set_mark(&kept.mark).await {
            tracing::debug!(%error, partition, "a mark waits for the record store");
            tokio::time::sleep(backoff.next_wait()).await;
            // Tried again, unless a newer one stands in its place. Nothing is deleted for its sake: the
            // next owner begins at the last that the store took.
            newest.mark_changed();
            continue;
        }
        backoff.reset();
        stored.lock().note(Instant::now(), kept.start);
        let metadata = format!("through={}", kept.mark.through);
        if !owned.try_commit(kept.mark.next.get(), metadata) {
            tracing::trace!(partition, "a commit hint was left out");
        }
        let needed = stored.lock().bound(Instant::now(), kept.needed);
        if let Some(needed) = needed {
            let kept = KeptMark { needed, ..kept };
            trimmed = trim_log(&worker, partition, &kept, trimmed).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Deletes what lies behind the mark, the promised history, and whatever a store that forgets, or a
/// notifier that is behind, may still need.
async fn trim_log(
    worker: &Worker,
    partition: u16,
    kept: &KeptMark,
    trimmed: TransactionsOffset,
) -> TransactionsOffset {
    const EVERY: u64 = 10_000;
    let history = worker.config.history_records;
    let transactions = kept.mark.next.min(kept.needed.next).minus(history);
    // Never more than twice the history is kept.
    if transactions < trimmed.plus(EVERY.min(history.max(1))) {
        return trimmed;
    }
    // An older mark that came back would look for what is deleted.
    if let Err(error) = worker.ports.record.settle().await {
        tracing::debug!(%error, partition, "old records stay until the mark is safe");
        return trimmed;
    }
    let resolved = kept.mark.through.min(kept.needed.from).minus(history);
    let Some(notified) = notified_through(worker, partition, kept.mark.through).await else {
        return trimmed;
    };
    let (admin, topics) = (&worker.ports.log.admin, &worker.topics);
    let deletions = [
        (&topics.transactions, transactions.get()),
        (&topics.changes, resolved.min(notified).get()),
    ];
    for (topic, offset) in deletions {
        if let Err(error) = admin.delete_before(topic, partition, offset).await {
            tracing::warn!(%error, topic = &**topic, partition, "old records could not be deleted");
        }
    }
    transactions
}

/// How far the notifiers are, at most so many records behind: beyond that subscribers are told that
/// they missed something. `None`: that cannot be asked now, so nothing may be deleted.
async fn notified_through(
    worker: &Worker,
    partition: u16,
    through: ChangesOffset,
) -> Option<ChangesOffset> {
    let group = worker.ports.layout.notifier_group();
    let groups = &worker.ports.log.groups;
    match groups
        .committed(&group, &worker.topics.changes, partition)
        .await
    {
        Ok(Some(committed)) => {
            let least = through.minus(worker.config.notifier_lag_records);
            Some(ChangesOffset::new(committed.offset).max(least))
        }
        // No notifier was ever here.
        Ok(None) => Some(through),
        Err(error) => {
            tracing::debug!(%error, partition, "old records stay until the notifiers can be asked");
            None
        }
    }
}

#[cfg(test)]
mod tests;
