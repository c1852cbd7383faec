//! A partition of `changes`, read in order, as what is to be told: pending when decided, done when
//! a mark says so, the reverse when voided. Pure. It keeps what is decided and not yet applied, up
//! to a bound; beyond it, only where it stands in the log.
//!
//! Only a record counts that carries the epoch of the newest open before it.

use crate::telling::{self, Telling};
use event_schema::{
    decision::{Change, Decision, Mark, Void},
    notification::State,
    outcome::Verdict,
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// The fold's state.
#[derive(Debug)]
pub struct Story {
    epoch: u64,
    /// Told as pending (or voided), and not resolved: by offset in `changes`.
    undone: BTreeMap<u64, Undone>,
    /// Offsets in `transactions` of the decisions that stand among them.
    standing: HashSet<u64>,
    /// Bytes held by `undone`.
    held: usize,
    limit: usize,
    /// The offset after the last record.
    next: u64,
}

#[derive(Debug)]
struct Undone {
    /// A mark up to here resolves it: its own offset, or that of its void.
    until: u64,
    /// In force where it stands.
    epoch: u64,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    /// Told as done with the mark.
    Here(Vec<Arc<Telling>>),
    /// The same, but there was no room for it.
    InTheLog,
    /// Never told as done: voided, or silent.
    Nothing,
}

/// What is to be told, in order.
#[derive(Debug)]
pub enum Tell {
    This(Arc<Telling>, State),
    /// What stands at this offset in `changes`, as done: it must be read again.
    DoneAt(u64),
}

/// Each with the offset of the record that tells it.
type Tells = Vec<(u64, Tell)>;

/// Where to begin so that nothing is missed: an offset in `changes` and the epoch in force there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    pub offset: u64,
    pub epoch: u64,
}

impl Story {
    /// `limit`: bytes kept of what is undone.
    pub fn from(resume: Resume, limit: usize) -> Self {
        Self {
            epoch: resume.epoch,
            undone: BTreeMap::new(),
            standing: HashSet::new(),
            held: 0,
            limit,
            next: resume.offset,
        }
    }

    /// Where another would have to begin now: at the first that is undone, or else behind the last
    /// record.
    pub fn resume(&self) -> Resume {
        match self.undone.first_key_value() {
            Some((offset, undone)) => Resume {
                offset: *offset,
                epoch: undone.epoch,
            },
            None => Resume {
                offset: self.next,
                epoch: self.epoch,
            },
        }
    }

    /// The offset after the last record.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next record, in order; adds what it tells, with its offset.
    pub fn fold(&mut self, offset: u64, change: Change, tells: &mut Vec<(u64, Tell)>) {
        self.next = offset + 1;
        match change {
            Change::Open(_) => self.epoch = offset,
            Change::Decision(decision) if decision.epoch == self.epoch => {
                self.decision(offset, &decision, tells)
            }
            Change::Mark(mark) if mark.epoch == self.epoch => self.mark(offset, &mark, tells),
            Change::Void(void) if void.epoch == self.epoch => self.void(offset, &void, tells),
            // A ghost wrote it: it counts for nobody.
            Change::Decision(_) | Change::Mark(_) | Change::Void(_) => {}
        }
    }

    /// A record that cannot be read is left out.
    pub fn skip(&mut self, offset: u64) {
        self.next = offset + 1;
    }

    fn decision(&mut self, offset: u64, decision: &Decision, tells: &mut Tells) {
        // The first that counts for a position stands until it is voided.
        if decision.verdict != Verdict::Applied
            || decision.documents.is_empty()
            || !self.standing.insert(decision.position.offset)
        {
            return;
        }
        self.pending(offset, telling::of_decision(decision), tells);
    }

    fn pending(&mut self, offset: u64, tellings: Vec<Telling>, tells: &mut Tells) {
        let tellings: Vec<Arc<Telling>> = tellings.into_iter().map(Arc::new).collect();
        tells.extend(
            tellings
                .iter()
                .map(|telling| (offset, Tell::This(telling.clone(), State::Pending))),
        );
        let size = size(&tellings);
        let kept = match tellings.is_empty() {
            true => Kept::Nothing,
            false if self.held + size > self.limit => Kept::InTheLog,
            false => {
                self.held += size;
                Kept::Here(tellings)
            }
        };
        self.undone.insert(
            offset,
            Undone {
                until: offset,
                epoch: self.epoch,
                kept,
            },
        );
    }

    fn mark(&mut self, at: u64, mark: &Mark, tells: &mut Tells) {
        let resolved = self
            .undone
            .range(..=mark.through)
            .filter(|(_, undone)| undone.until <= mark.through);
        let resolved: Vec<u64> = resolved.map(|(offset, _)| *offset).collect();
        for offset in resolved {
            match self.undone.remove(&offset).map(|undone| undone.kept) {
                Some(Kept::Here(tellings)) => {
                    self.held -= size(&tellings);
                    tells.extend(
                        tellings
                            .into_iter()
                            .map(|telling| (at, Tell::This(telling, State::Done))),
                    );
                }
                Some(Kept::InTheLog) => tells.push((at, Tell::DoneAt(offset))),
                Some(Kept::Nothing) | None => {}
            }
        }
        if self.undone.is_empty() {
            self.standing.clear();
        } else {
            // All of `transactions` below is resolved.
            self.standing.retain(|position| *position >= mark.next);
        }
    }

    fn void(&mut self, offset: u64, void: &Void, tells: &mut Tells) {
        self.standing.remove(&void.position.offset);
        let Some(undone) = self.undone.get_mut(&void.decision) else {
            // It was told as done: so is its reverse.
            return self.pending(offset, telling::of_void(void), tells);
        };
        // Whoever begins here later must find both, so it stays until the void is resolved.
        undone.until = offset;
        match std::mem::replace(&mut undone.kept, Kept::Nothing) {
            Kept::Here(tellings) => self.held -= size(&tellings),
            Kept::InTheLog => {}
            // Silent, as the decision was.
            Kept::Nothing => return,
        }
        tells.extend(
            telling::of_void(void)
                .into_iter()
                .map(|telling| (offset, Tell::This(Arc::new(telling), State::Pending))),
        );
    }
}

fn size(tellings: &[Arc<Telling>]) -> usize {
    tellings.iter().map(|telling| telling.size()).sum()
}

#[cfg(test)]
mod tests;
