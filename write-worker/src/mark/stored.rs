//! What an owner of a partition knows over its tenures: the marks that the record store took, as far
//! as it may yet go back to one of them, and the moments by which marks let a window begin. It must
//! never let anything be deleted, from the log or of the stores, that such a mark needs, nor let a
//! window begin behind what the store may forget.

use super::{HistoryStart, SAMPLE};
use event_schema::offset::Epoch;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// What the store has taken stands for good when a whole window has passed: then it goes back to
/// that mark at most. How long ago it was made says nothing, where nothing was written since.
///
/// Kept over the tenures of an owner: they may each be shorter than the window. That another owner
/// came between does no harm, since its marks say to begin no earlier than the one that it found.
#[derive(Debug)]
pub(crate) struct StoredMarks {
    /// Nought where the store keeps what it took.
    window: Duration,
    /// When a mark was there, and where it says to begin; oldest first.
    stored: VecDeque<(Instant, HistoryStart)>,
    sampled: Option<SampledTenure>,
}

/// The samples of the last tenure, with those that it had from the ones before it.
#[derive(Debug)]
struct SampledTenure {
    epoch: Epoch,
    samples: VecDeque<HistoryStart>,
}

impl StoredMarks {
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            stored: VecDeque::new(),
            sampled: None,
        }
    }

    /// What a tenure has sampled so far.
    pub fn leave_samples(&mut self, epoch: Epoch, samples: VecDeque<HistoryStart>) {
        self.sampled = Some(SampledTenure { epoch, samples });
    }

    /// Those that the tenure goes on with that is opened there and begins at `start`, behind the
    /// tenure `before`: what was resolved at a moment is so whoever asks. Not where an owner came
    /// between: it may have applied again what the store forgot, later than the samples say. Nor where
    /// the store has an older mark than it took, or where the log has something else by now at the
    /// places that they name.
    pub fn take_samples(
        &mut self,
        before: Option<Epoch>,
        open: Epoch,
        start: HistoryStart,
    ) -> VecDeque<HistoryStart> {
        let last_mark = self.stored.back().map(|(_, last)| last.from);
        let has_forgotten = last_mark > Some(start.from);
        let is_usable = |last: &SampledTenure| {
            let newest = last.samples.back().map(|sample| sample.from);
            before == Some(last.epoch) && newest <= Some(open.opened_at()) && !has_forgotten
        };
        let last = self.sampled.take().filter(is_usable);
        // What a tenure that ends before it samples anything leaves to the next.
        let left = last.as_ref().map(|last| last.samples.clone());
        self.leave_samples(open, left.unwrap_or_else(|| [start].into()));
        last.map(|last| last.samples).unwrap_or_default()
    }

    /// The store was away: what was resolved shortly before may be gone, and is applied again.
    pub fn forget_samples(&mut self) {
        self.sampled = None;
    }

    /// The store took one that says to begin there.
    pub fn note(&mut self, at: Instant, start: HistoryStart) {
        let last = self.stored.back();
        // Whoever goes back to one that is left out here finds the one before it.
        if last.is_some_and(|(last, _)| at.duration_since(*last) < SAMPLE) {
            return;
        }
        self.stored.push_back((at, start));
        let is_old =
            |(stored, _): &(Instant, HistoryStart)| at.duration_since(*stored) >= self.window;
        while self.stored.get(1).is_some_and(is_old) {
            self.stored.pop_front();
        }
    }

    /// That start, or an earlier one that the store may go back to. `None`: it may go back to a mark
    /// of an owner before, and what that says is not known.
    pub fn bound(&self, now: Instant, start: HistoryStart) -> Option<HistoryStart> {
        if self.window.is_zero() {
            return Some(start);
        }
        let is_safe =
            |(stored, _): &&(Instant, HistoryStart)| now.duration_since(*stored) >= self.window;
        let (_, oldest) = self.stored.iter().rev().find(is_safe)?;
        Some(HistoryStart {
            from: start.from.min(oldest.from),
            next: start.next.min(oldest.next),
            ..start
        })
    }
}
