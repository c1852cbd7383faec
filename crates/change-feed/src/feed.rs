//! A partition of `changes`, read in order, as what subscribers are notified of: pending when
//! decided, done when a mark says so, the reverse when voided. Pure. It keeps what is decided and
//! not yet applied, up to a bound; beyond it, only where that stands in the log.
//!
//! See ADR 11.

use crate::{
    StandingPositions, TenureRule,
    notification::{self, Notification},
    undo::is_silent,
};
use event_schema::{
    decision::{Change, Decision, Mark, Void},
    notification::State,
    offset::{ChangesOffset, Epoch},
    outcome::Verdict,
};
use std::{collections::BTreeMap, sync::Arc};

/// The fold's state.
#[derive(Debug)]
pub struct ChangeFeed {
    tenure: TenureRule,
    positions: StandingPositions,
    /// Emitted as pending (or voided), and not resolved.
    undone: BTreeMap<ChangesOffset, Undone>,
    /// Bytes held by `undone`.
    held: usize,
    limit: usize,
    /// The offset after the last record.
    next: ChangesOffset,
}

#[derive(Debug)]
struct Undone {
    /// A mark up to here resolves it: its own offset, or that of its void.
    until: ChangesOffset,
    /// In force where it stands.
    epoch: Option<Epoch>,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    /// Emitted as done with the mark.
    Here(Vec<Arc<Notification>>),
    /// The same, but there was no room for it.
    InTheLog,
    /// Never emitted as done: voided, or silent.
    Nothing,
}

/// Something to notify of.
#[derive(Debug)]
pub enum Emission {
    Notification(Arc<Notification>, State),
    /// What stands at this offset in `changes`, as done: it must be read again.
    DoneAt(ChangesOffset),
}

/// Each with the offset of the record that emits it.
type Emissions = Vec<(ChangesOffset, Emission)>;

/// Where to begin so that nothing is missed: an offset in `changes` and the epoch in force there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    pub offset: ChangesOffset,
    pub epoch: Option<Epoch>,
}

impl ChangeFeed {
    /// `limit`: bytes kept of what is undone.
    pub fn from(resume: ResumePoint, limit: usize) -> Self {
        Self {
            tenure: TenureRule::in_force(resume.epoch),
            positions: StandingPositions::default(),
            undone: BTreeMap::new(),
            held: 0,
            limit,
            next: resume.offset,
        }
    }

    /// Where another would have to begin now: at the first that is undone, or else behind the last
    /// record.
    pub fn resume(&self) -> ResumePoint {
        match self.undone.first_key_value() {
            Some((offset, undone)) => ResumePoint {
                offset: *offset,
                epoch: undone.epoch,
            },
            None => ResumePoint {
                offset: self.next,
                epoch: self.tenure.epoch(),
            },
        }
    }

    /// The offset after the last record.
    pub fn next(&self) -> ChangesOffset {
        self.next
    }

    /// Takes the next record, in order; adds what it emits, with its offset.
    pub fn fold(&mut self, offset: ChangesOffset, change: &Change, emissions: &mut Emissions) {
        self.next = offset.next();
        if !self.tenure.counts(offset, change) {
            return;
        }
        match change {
            Change::Open(_) => {}
            Change::Decision(decision) => self.fold_decision(offset, decision, emissions),
            Change::Mark(mark) => self.fold_mark(offset, mark, emissions),
            Change::Void(void) => self.fold_void(offset, void, emissions),
        }
    }

    fn fold_decision(
        &mut self,
        offset: ChangesOffset,
        decision: &Decision,
        emissions: &mut Emissions,
    ) {
        if !self.positions.decide(offset, decision)
            || decision.verdict != Verdict::Applied
            || decision.documents.is_empty()
        {
            return;
        }
        let notifications = if is_silent(decision) {
            Vec::new()
        } else {
            notification::of_decision(decision)
        };
        self.emit_pending(offset, notifications, emissions);
    }

    fn emit_pending(
        &mut self,
        offset: ChangesOffset,
        notifications: Vec<Notification>,
        emissions: &mut Emissions,
    ) {
        let notifications: Vec<Arc<Notification>> =
            notifications.into_iter().map(Arc::new).collect();
        emissions.extend(notifications.iter().map(|notification| {
            let pending = Emission::Notification(notification.clone(), State::Pending);
            (offset, pending)
        }));
        let size = notifications_size(&notifications);
        let kept = if notifications.is_empty() {
            Kept::Nothing
        } else if self.held + size > self.limit {
            Kept::InTheLog
        } else {
            self.held += size;
            Kept::Here(notifications)
        };
        let undone = Undone {
            until: offset,
            epoch: self.tenure.epoch(),
            kept,
        };
        self.undone.insert(offset, undone);
    }

    fn fold_mark(&mut self, at: ChangesOffset, mark: &Mark, emissions: &mut Emissions) {
        let resolved: Vec<ChangesOffset> = self
            .undone
            .range(..=mark.through)
            .filter(|(_, undone)| undone.until <= mark.through)
            .map(|(offset, _)| *offset)
            .collect();
        for offset in resolved {
            match self.undone.remove(&offset).map(|undone| undone.kept) {
                Some(Kept::Here(notifications)) => {
                    self.held -= notifications_size(&notifications);
                    emissions.extend(notifications.into_iter().map(|notification| {
                        (at, Emission::Notification(notification, State::Done))
                    }));
                }
                Some(Kept::InTheLog) => emissions.push((at, Emission::DoneAt(offset))),
                Some(Kept::Nothing) | None => {}
            }
        }
        self.positions.mark(mark);
        self.positions.forget_through(mark.through);
    }

    fn fold_void(&mut self, offset: ChangesOffset, void: &Void, emissions: &mut Emissions) {
        if !self.positions.void(offset, void) {
            return;
        }
        let reverse = if void.silent {
            Vec::new()
        } else {
            notification::of_void(void)
        };
        let Some(undone) = self.undone.get_mut(&void.decision) else {
            // It was emitted as done: so is its reverse.
            return self.emit_pending(offset, reverse, emissions);
        };
        // Whoever begins here later must find both, so it stays until the void is resolved.
        undone.until = offset;
        if let Kept::Here(notifications) = std::mem::replace(&mut undone.kept, Kept::Nothing) {
            self.held -= notifications_size(&notifications);
        }
        emissions.extend(reverse.into_iter().map(|notification| {
            let pending = Emission::Notification(Arc::new(notification), State::Pending);
            (offset, pending)
        }));
    }
}

fn notifications_size(notifications: &[Arc<Notification>]) -> usize {
    notifications
        .iter()
        .map(|notification| notification.size())
        .sum()
}

#[cfg(test)]
mod tests;
