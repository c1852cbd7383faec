//! Marks: how far everything is resolved. The decider appends them (it is the only one who writes
//! to `changes`); a small task keeps the newest in the record store, hints it to the group, and
//! deletes what nobody needs any more. Neither is waited for.
//!
//! See ADR 3.

use crate::{Worker, consume::Request};
use event_schema::decision::Mark;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// How far the stores are: told by the applier, read by the decider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last batch that is applied.
    pub batch: u64,
    /// (last resolved offset in `changes`, first unresolved offset in `transactions`); `None` until
    /// the first is known.
    pub resolved: Option<(u64, u64)>,
}

/// Between two marks of a partition in the record store: what is marked late is only applied again.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes the marks of one tenure.
pub(crate) struct Marker {
    generation: u16,
    partition: u16,
    epoch: u64,
    /// Milliseconds of history to apply again when the partition is taken.
    window: i64,
    /// (when, offset in `changes`, epoch in force there), oldest first: where the window starts.
    samples: VecDeque<(i64, u64, u64)>,
    last: Option<(u64, u64)>,
    newest: watch::Sender<Option<Mark>>,
}

impl Marker {
    /// `start`: where the tenure's window began, with its epoch and the time.
    pub fn new(
        worker: &Worker,
        partition: u16,
        epoch: u64,
        start: (i64, u64, u64),
        newest: watch::Sender<Option<Mark>>,
    ) -> Self {
        let default = if worker.forgetful { 60_000 } else { 0 };
        let window = worker.config.reapply_window_ms.unwrap_or(default) as i64;
        let generation = worker.ports.layout.generation;
        Self {
            generation,
            partition,
            epoch,
            window,
            samples: VecDeque::from([start]),
            last: None,
            newest,
        }
    }

    /// The mark that tells this progress, unless it was told.
    pub fn due(&mut self, progress: Progress, now: i64) -> Option<Mark> {
        let (through, next) = progress
            .resolved
            .filter(|resolved| self.last != Some(*resolved))?;
        self.last = Some((through, next));
        if self.samples.back().is_none_or(|(at, ..)| now - at >= 1_000) || self.window == 0 {
            self.samples.push_back((now, through + 1, self.epoch));
        }
        while self
            .samples
            .get(1)
            .is_some_and(|(at, ..)| *at <= now - self.window)
        {
            self.samples.pop_front();
        }
        let (_, reapply_from, reapply_epoch) = self.samples[0];
        let (generation, partition, epoch) = (self.generation, self.partition, self.epoch);
        Some(Mark {
            epoch,
            generation,
            partition,
            through,
            next,
            time: now,
            reapply_from,
            reapply_epoch,
        })
    }

    /// The mark stands in `changes`: the task may keep it.
    pub fn keep(&self, mark: Mark) {
        self.newest.send_replace(Some(mark));
    }
}

/// Keeps the newest mark of a partition until the tenure is over (the sender is dropped).
pub(crate) async fn keep_marks(
    worker: Arc<Worker>,
    partition: u16,
    mut newest: watch::Receiver<Option<Mark>>,
    requests: mpsc::Sender<Request>,
) {
    let mut backoff = worker.config.backoff();
    let mut trimmed = 0;
    while newest.changed().await.is_ok() {
        let Some(mark) = newest.borrow_and_update().clone() else {
            continue;
        };
        while let Err(error) = worker.ports.record.set_mark(&mark).await {
            tracing::debug!(%error, partition, "a mark waits for the record store");
            tokio::time::sleep(backoff.next_wait()).await;
            if newest.has_changed().unwrap_or(false) {
                break;
            }
        }
        backoff.reset();
        let metadata = format!("through={}", mark.through);
        if requests
            .try_send(Request::Commit {
                partition,
                offset: mark.next,
                metadata,
            })
            .is_err()
        {
            tracing::trace!(partition, "a commit hint was left out");
        }
        trimmed = trim(&worker, partition, &mark, trimmed).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Deletes what is behind the mark and the promised history, now and then.
async fn trim(worker: &Worker, partition: u16, mark: &Mark, trimmed: u64) -> u64 {
    const EVERY: u64 = 10_000;
    let history = worker.config.history_records;
    let upto = mark.next.saturating_sub(history);
    if upto < trimmed + EVERY {
        return trimmed;
    }
    let admin = &worker.ports.log.admin;
    // An older mark that came back would look for what is deleted.
    if let Err(error) = worker.ports.record.settle().await {
        tracing::debug!(%error, partition, "old records stay until the mark is safe");
        return trimmed;
    }
    let changes = mark.reapply_from.min(mark.through).saturating_sub(history);
    for (topic, offset) in [
        (&worker.topics.transactions, upto),
        (&worker.topics.changes, changes),
    ] {
        if let Err(error) = admin.delete_before(topic, partition, offset).await {
            tracing::warn!(%error, topic = &**topic, partition, "old records could not be deleted");
        }
    }
    upto
}
