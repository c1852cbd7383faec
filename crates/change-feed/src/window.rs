//! What stands in a stretch of `changes`, as whoever takes the partition must know it: where
//! records stand, what they touch, what must be decided again, where to go on. It keeps no bodies,
//! so that a long stretch costs little memory; they are read again, a batch at a time, from the
//! offsets that it names. It never reads or writes.

mod names;

pub use names::{document_name, key_name, row_name};

use crate::{
    StandingPositions, TenureRule,
    holding::{is_held_row, is_of_held_event},
    last_requests::LastRequests,
};
use event_schema::{
    RequestTail,
    decision::{Change, Decision, Mark, Void, VoidEnd},
    id::RequestId,
    mutation::{DocumentKey, RowMutation},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    outcome::{Refusal, RefusalCode, Verdict},
    position::Position,
};
use names::touched_names;
use std::collections::BTreeMap;

/// The fold's state, and at the end its result.
#[derive(Debug)]
pub struct Window {
    generation: u16,
    partition: u16,
    tenure: TenureRule,
    former_tenure: Option<Epoch>,
    positions: StandingPositions,
    pub(crate) standing: BTreeMap<ChangesOffset, Standing>,
    /// Where to go on in `transactions`.
    next: TransactionsOffset,
    /// The requests that were decided before `next`.
    requests: LastRequests,
    /// Of the last mark: the ledger was told of all that stands up to here.
    resolved_through: Option<ChangesOffset>,
    /// Where the last mark of the stretch says to begin.
    marked_start: Option<MarkedStart>,
}

/// Where a mark says that a stretch of `changes` has to begin for whoever takes the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkedStart {
    pub from: ChangesOffset,
    /// In force there.
    pub epoch: Option<Epoch>,
    /// The mark's own.
    pub next: TransactionsOffset,
}

/// A record that stands, without its bodies.
#[derive(Debug)]
pub(crate) struct Standing {
    pub position: Position,
    pub kind: StandingKind,
    /// It decided an event that came out of the queue of its key.
    pub was_held: bool,
    /// The documents and rows that it changes, and its key if the order of that is kept.
    pub changes: Box<[String]>,
    /// Those by which it was judged, and its key.
    pub judged_by: Box<[String]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandingKind {
    Decision,
    Void {
        undoes: ChangesOffset,
        /// Its position is to be decided again.
        anew: bool,
    },
}

/// A position that is to be decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redo {
    pub position: Position,
    /// The void that carries its event; what decides it again replaces this.
    pub void: ChangesOffset,
}

impl Window {
    /// `mark`: the last one the record store kept; `None` for a partition that was never taken.
    pub fn from(generation: u16, partition: u16, mark: Option<&Mark>) -> Self {
        Self {
            generation,
            partition,
            tenure: TenureRule::in_force(mark.and_then(|mark| mark.reapply_epoch)),
            former_tenure: None,
            positions: StandingPositions::default(),
            standing: BTreeMap::new(),
            next: mark.map_or(TransactionsOffset::FIRST, |mark| mark.next),
            requests: mark.map(|mark| mark.tail.into()).unwrap_or_default(),
            resolved_through: mark.map(|mark| mark.through),
            marked_start: None,
        }
    }

    /// Takes the next record of `changes`, in order.
    pub fn fold(&mut self, offset: ChangesOffset, change: &Change) {
        let in_force = self.tenure.epoch();
        if !self.tenure.counts(offset, change) {
            return;
        }
        match change {
            Change::Open(_) => self.former_tenure = in_force,
            Change::Mark(mark) => {
                self.positions.mark(mark);
                if mark.next >= self.next {
                    (self.next, self.requests) = (mark.next, mark.tail.into());
                }
                self.resolved_through = self.resolved_through.max(Some(mark.through));
                self.marked_start = Some(MarkedStart {
                    from: mark.reapply_from,
                    epoch: mark.reapply_epoch,
                    next: mark.next,
                });
            }
            Change::Decision(decision) => self.fold_decision(offset, decision),
            Change::Void(void) => self.fold_void(offset, void),
        }
    }

    fn fold_decision(&mut self, offset: ChangesOffset, decision: &Decision) {
        self.note_consumed(&decision.position, decision.request);
        if let Some(replay) = &decision.by {
            self.note_consumed(&replay.position, replay.request);
        }
        if !self.positions.decide(offset, decision) {
            return;
        }
        let documents = decision.documents.iter().map(|change| &change.key);
        let rows = decision.rows.iter().map(|row| &row.key);
        let key = Some(key_name(&decision.key));
        // Whatever is decided on a key rests on what was held of it then.
        let (changed, judged) = if !rests_on_key(&decision.verdict) {
            (None, None)
        } else if chains_successors(decision.relaxed, &decision.rows) {
            (key, None)
        } else {
            (None, key)
        };
        let standing = Standing {
            position: decision.position,
            kind: StandingKind::Decision,
            was_held: is_of_held_event(&decision.rows),
            changes: touched_names(documents, rows, changed),
            judged_by: touched_names(&decision.judged_by, &decision.judged_by_rows, judged),
        };
        self.standing.insert(offset, standing);
    }

    fn fold_void(&mut self, offset: ChangesOffset, void: &Void) {
        self.note_consumed(&void.position, void.request);
        if !self.positions.void(offset, void) {
            return;
        }
        self.standing.remove(&void.decision);
        let documents = void.documents.iter().map(|change| &change.key);
        let rows = void.rows.iter().map(|row| &row.key);
        let key = chains_successors(void.relaxed, &void.rows).then(|| key_name(&void.key));
        let standing = Standing {
            position: void.position,
            kind: StandingKind::Void {
                undoes: void.decision,
                anew: matches!(void.ends, VoidEnd::Anew | VoidEnd::Dead(_)),
            },
            was_held: false,
            changes: touched_names(documents, rows, key),
            judged_by: Box::default(),
        };
        self.standing.insert(offset, standing);
    }

    /// Positions of another generation or partition come from `held` and say nothing of this log.
    fn note_consumed(&mut self, position: &Position, request: RequestId) {
        if (position.generation, position.partition) == (self.generation, self.partition) {
            let next = position.offset.next();
            if next > self.next {
                self.requests.push(next.since(self.next), request);
                self.next = next;
            }
        }
    }

    /// Up to here everything was resolved, says the last mark: a ledger that does not remember it
    /// has forgotten.
    pub fn resolved_through(&self) -> Option<ChangesOffset> {
        self.resolved_through
    }

    /// Where the last mark that counts says to begin, if there is one in the stretch: an owner before
    /// may have deleted what lies before that, though the record store had an older mark.
    pub fn marked_start(&self) -> Option<MarkedStart> {
        self.marked_start
    }

    /// Does a record that stands behind this offset write the document anew?
    pub fn is_written_behind(&self, offset: ChangesOffset, document: &DocumentKey) -> bool {
        let name = document_name(document);
        let mut behind = self.standing.range(offset.next()..);
        behind.any(|(_, standing)| standing.changes.contains(&name))
    }

    /// Where records stand, in order.
    pub fn standing(&self) -> impl Iterator<Item = ChangesOffset> {
        self.standing.keys().copied()
    }

    /// What the records that stand are about, in their order.
    pub fn standing_positions(&self) -> impl Iterator<Item = (ChangesOffset, Position)> {
        let standing = self.standing.iter();
        standing.map(|(offset, standing)| (*offset, standing.position))
    }

    /// Does the record at this offset stand?
    pub fn stands(&self, offset: ChangesOffset) -> bool {
        self.standing.contains_key(&offset)
    }

    /// What is to be decided again, in the order of positions.
    pub fn redo(&self) -> Vec<Redo> {
        let is_anew =
            |standing: &Standing| matches!(standing.kind, StandingKind::Void { anew: true, .. });
        let mut redo: Vec<Redo> = self
            .standing
            .iter()
            .filter(|(_, standing)| is_anew(standing))
            .map(|(offset, standing)| Redo {
                position: standing.position,
                void: *offset,
            })
            .filter(|redo| self.positions.get(&redo.position) == Some(redo.void))
            .collect();
        redo.sort_unstable_by_key(|redo| {
            let Position {
                generation, offset, ..
            } = redo.position;
            (generation, offset)
        });
        redo
    }

    /// The requests that were decided before that, as far as records or the mark name them.
    #[must_use]
    pub fn tail(&self) -> RequestTail {
        self.requests.tail()
    }

    /// The tenure that was in force before the last `open`.
    pub fn former_tenure(&self) -> Option<Epoch> {
        self.former_tenure
    }

    /// The first offset in `transactions` that was never decided.
    pub fn next(&self) -> TransactionsOffset {
        self.next
    }
}

/// Must whatever comes later on its key be undone with it? All of it must stay in order, or it
/// moved the key's queue.
pub fn chains_successors(relaxed: bool, rows: &[RowMutation]) -> bool {
    !relaxed || rows.iter().any(is_held_row)
}

/// Does it depend on what was decided on its key before? What is refused for its idempotency key
/// alone does not, and is never decided again: the key would not be looked at twice.
pub fn rests_on_key(verdict: &Verdict) -> bool {
    let for_its_key = |refusal: &Refusal| refusal.code == RefusalCode::IdempotencyKeyReused;
    !matches!(verdict, Verdict::Refused(refusal) if for_its_key(refusal))
}

#[cfg(test)]
mod tests;
