//! What stands in a stretch of `changes`: a pure fold. It decides which records count (those under the newest open before them), which
//! decision stands for each position (the first counted one, until voided), and what must be decided anew. It never reads or writes.

use event_schema::{
    decision::{Change, Decision, Mark, Void},
    mutation::{DocumentChange, RowAction, RowMutation},
    outcome::DeadReason,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The fold's state, and at the end its result.
#[derive(Debug)]
pub(crate) struct Window {
    /// The newest open so far.
    epoch: u64,
    /// Offset in `changes` → what stands there.
    standing: BTreeMap<u64, Standing>,
    /// Offset in `transactions` → offset in `changes` of what stands for it.
    by_position: HashMap<u64, u64>,
    /// The furthest mark that counts.
    through: Option<u64>,
    /// Where to go on in `transactions`.
    next: u64,
    /// Positions voided but not dead, and not decided since.
    redo: HashSet<u64>,
}

/// A record that stands.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    Decision(Box<Decision>),
    Void(Box<Void>),
}

impl Window {
    /// `mark`: the last one the record store kept; `None` for a partition nobody ever worked on.
    pub fn from(mark: Option<&Mark>) -> Self {
        Self {
            epoch: mark.map_or(0, |mark| mark.reapply_epoch),
            standing: BTreeMap::new(),
            by_position: HashMap::new(),
            through: mark.map(|mark| mark.through),
            next: mark.map_or(0, |mark| mark.next),
            redo: HashSet::new(),
        }
    }

    /// Takes the next record of `changes`, in order.
    pub fn fold(&mut self, offset: u64, change: Change) {
        match change {
            Change::Open(_) => self.epoch = offset,
            Change::Mark(mark) if mark.epoch == self.epoch => {
                self.through = self.through.max(Some(mark.through));
                self.next = self.next.max(mark.next);
            }
            Change::Decision(decision) if decision.epoch == self.epoch => self.decision(offset, decision),
            Change::Void(void) if void.epoch == self.epoch => self.void(offset, void),
            // A ghost wrote it: it counts for nobody.
            Change::Mark(_) | Change::Decision(_) | Change::Void(_) => {}
        }
    }

    fn decision(&mut self, offset: u64, decision: Decision) {
        let position = decision.position.offset;
        self.next = self.next.max(position + 1);
        let voided = self.by_position.get(&position).is_some_and(|at| matches!(self.standing.get(at), Some(Standing::Void(_))));
        if !self.by_position.contains_key(&position) || voided {
            self.redo.remove(&position);
            self.by_position.insert(position, offset);
            self.standing.insert(offset, Standing::Decision(Box::new(decision)));
        }
    }

    fn void(&mut self, offset: u64, void: Void) {
        let position = void.position.offset;
        self.next = self.next.max(position + 1);
        self.standing.remove(&void.decision);
        match void.dead {
            Some(_) => self.redo.remove(&position),
            None => self.redo.insert(position),
        };
        self.by_position.insert(position, offset);
        self.standing.insert(offset, Standing::Void(Box::new(void)));
    }

    /// What a store will not take, and every later decision on its keys, as voids to append (in the order of the decisions they undo).
    /// Empty if the decision does not stand any more.
    pub fn voids_for(&self, culprit: u64, reason: &DeadReason, epoch: u64, now: i64) -> Vec<Void> {
        let Some(Standing::Decision(first)) = self.standing.get(&culprit) else { return Vec::new() };
        let mut keys = keys_of(first);
        let mut undone: Vec<(u64, &Decision)> = vec![(culprit, first)];
        for (offset, standing) in self.standing.range(culprit + 1..) {
            let Standing::Decision(decision) = standing else { continue };
            let touched = keys_of(decision);
            if !touched.is_disjoint(&keys) {
                keys.extend(touched);
                undone.push((*offset, decision));
            }
        }
        let before = Before::of(&undone);
        undone
            .into_iter()
            .map(|(offset, decision)| Void {
                epoch,
                request: decision.request,
                operation: decision.operation.clone(),
                position: decision.position,
                decision: offset,
                dead: (offset == culprit).then(|| reason.clone()),
                documents: before.documents(decision),
                rows: before.rows(decision),
                time: now,
                accepted: decision.accepted,
                reply: decision.reply.clone(),
            })
            .collect()
    }

    /// All that stands, in the order of `changes`.
    pub fn standing(&self) -> impl Iterator<Item = (u64, &Standing)> {
        self.standing.iter().map(|(offset, standing)| (*offset, standing))
    }

    /// Offsets in `transactions` to decide anew, in order.
    pub fn redo(&self) -> Vec<u64> {
        let mut redo: Vec<u64> = self.redo.iter().copied().collect();
        redo.sort_unstable();
        redo
    }

    pub fn next(&self) -> u64 {
        self.next
    }
}

fn keys_of(decision: &Decision) -> HashSet<String> {
    let documents = decision.documents.iter().map(|change| change.key.to_string());
    documents.chain(decision.rows.iter().map(|row| format!("row {}", row.key))).collect()
}

/// The state of every touched document and row before the first of the undone decisions that touches it.
struct Before<'a> {
    documents: HashMap<String, &'a DocumentChange>,
    rows: HashMap<String, &'a RowMutation>,
}

impl<'a> Before<'a> {
    fn of(undone: &[(u64, &'a Decision)]) -> Self {
        let mut before = Self { documents: HashMap::new(), rows: HashMap::new() };
        for (_, decision) in undone {
            for change in &decision.documents {
                before.documents.entry(change.key.to_string()).or_insert(change);
            }
            for row in &decision.rows {
                before.rows.entry(row.key.to_string()).or_insert(row);
            }
        }
        before
    }

    fn documents(&self, decision: &Decision) -> Vec<DocumentChange> {
        let reverse = |change: &DocumentChange| {
            let first = self.documents[&change.key.to_string()];
            DocumentChange {
                key: change.key.clone(),
                revision_before: change.revision,
                revision: first.revision_before,
                before: change.after.clone(),
                after: first.before.clone(),
            }
        };
        decision.documents.iter().map(reverse).collect()
    }

    fn rows(&self, decision: &Decision) -> Vec<RowMutation> {
        let reverse = |row: &RowMutation| {
            let first = self.rows[&row.key.to_string()];
            let (action, cells) = match &first.before {
                Some(cells) => (RowAction::Put, cells.clone()),
                None => (RowAction::Remove, serde_json::Map::new()),
            };
            RowMutation { key: row.key.clone(), action, cells, before: None, expires: None }
        };
        decision.rows.iter().map(reverse).collect()
    }
}

#[cfg(test)]
mod tests;
