//! Marks that the record store took, as far as it may yet go back to one of them. It must never let
//! anything be deleted, from the log or of the stores, that such a mark needs.

use super::{HistoryStart, SAMPLE};
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
}

impl StoredMarks {
    pub fn new(window: Duration) -> Self {
        let stored = VecDeque::new();
        Self { window, stored }
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
