//! What stands in a stretch of `changes`: a pure fold. It decides which records count (those under
//! the newest open before them), which decision stands for each position (the first counted one,
//! until voided), and what must be decided anew. It never reads or writes.
//!
//! See ADR 2.

use event_schema::{
    Raw,
    decision::{Change, Decision, Mark, Void},
    mutation::{DocumentChange, DocumentKey, RowAction, RowMutation},
    outcome::DeadReason,
};
use serde_json::{Map, Value};
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
            Change::Decision(decision) if decision.epoch == self.epoch => {
                self.decision(offset, decision)
            }
            Change::Void(void) if void.epoch == self.epoch => self.void(offset, void),
            // A ghost wrote it: it counts for nobody.
            Change::Mark(_) | Change::Decision(_) | Change::Void(_) => {}
        }
    }

    fn decision(&mut self, offset: u64, decision: Decision) {
        let position = decision.position.offset;
        self.next = self.next.max(position + 1);
        let voided = self
            .by_position
            .get(&position)
            .is_some_and(|at| matches!(self.standing.get(at), Some(Standing::Void(_))));
        if !self.by_position.contains_key(&position) || voided {
            self.redo.remove(&position);
            self.by_position.insert(position, offset);
            self.standing
                .insert(offset, Standing::Decision(Box::new(decision)));
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

    /// What a store will not take, and every later decision on its keys, as voids to append (in the
    /// order of the decisions they undo). Empty if the decision does not stand any more.
    pub fn voids_for(&self, culprit: u64, reason: &DeadReason, epoch: u64, now: i64) -> Vec<Void> {
        let Some(Standing::Decision(first)) = self.standing.get(&culprit) else {
            return Vec::new();
        };
        let mut chain = Chain::default();
        chain.decision(first);
        let mut voids = vec![chain.undo(culprit, first, Some(reason.clone()), epoch, now)];
        for (offset, standing) in self.standing.range(culprit + 1..) {
            if let Standing::Decision(decision) = standing
                && chain.touches(decision)
            {
                chain.decision(decision);
                voids.push(chain.undo(*offset, decision, None, epoch, now));
            }
        }
        voids
    }

    /// The voids that are still to be appended where an owner ended between the void of a dead
    /// decision and those of the later ones on its keys: they were decided over what never came to
    /// be, and may not be finished as they stand.
    pub fn orphans(&self, epoch: u64, now: i64) -> Vec<Void> {
        let mut orphans = BTreeMap::new();
        for (at, standing) in &self.standing {
            if let Standing::Void(dead) = standing
                && dead.dead.is_some()
            {
                self.orphans_of(*at, dead, epoch, now, &mut orphans);
            }
        }
        orphans.into_values().collect()
    }

    fn orphans_of(
        &self,
        at: u64,
        dead: &Void,
        epoch: u64,
        now: i64,
        orphans: &mut BTreeMap<u64, Void>,
    ) {
        let mut chain = Chain::default();
        chain.void(dead);
        let of_this =
            |void: &Void| void.dead.is_none() && (dead.decision..at).contains(&void.decision);
        let after = self
            .standing
            .range(at + 1..)
            .map_while(|(_, standing)| match standing {
                Standing::Void(void) if of_this(void) => Some((void.decision, standing)),
                Standing::Void(_) | Standing::Decision(_) => None,
            });
        let before = self
            .standing
            .range(dead.decision + 1..at)
            .map(|(offset, standing)| (*offset, standing));
        let later: BTreeMap<u64, &Standing> = before.chain(after).collect();
        for (offset, standing) in later {
            match standing {
                Standing::Void(void) if of_this(void) => chain.void(void),
                Standing::Decision(decision) if chain.touches(decision) => {
                    chain.decision(decision);
                    orphans
                        .entry(offset)
                        .or_insert_with(|| chain.undo(offset, decision, None, epoch, now));
                }
                Standing::Void(_) | Standing::Decision(_) => {}
            }
        }
    }

    /// All that stands, in the order of `changes`.
    pub fn standing(&self) -> impl Iterator<Item = (u64, &Standing)> {
        self.standing
            .iter()
            .map(|(offset, standing)| (*offset, standing))
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

/// Decisions that are undone together, and what every document and row they touch was before the
/// first of them.
#[derive(Default)]
struct Chain {
    /// Revision and body.
    documents: HashMap<DocumentKey, (u64, Option<Raw>)>,
    rows: HashMap<String, Option<Map<String, Value>>>,
}

impl Chain {
    fn touches(&self, decision: &Decision) -> bool {
        decision
            .documents
            .iter()
            .any(|change| self.documents.contains_key(&change.key))
            || decision
                .judged_by
                .iter()
                .any(|key| self.documents.contains_key(key))
            || decision
                .rows
                .iter()
                .map(|row| &row.key)
                .chain(&decision.judged_by_rows)
                .any(|key| self.rows.contains_key(&key.to_string()))
    }

    fn decision(&mut self, decision: &Decision) {
        for change in &decision.documents {
            self.documents
                .entry(change.key.clone())
                .or_insert_with(|| (change.revision_before, change.before.clone()));
        }
        for row in &decision.rows {
            self.rows
                .entry(row.key.to_string())
                .or_insert_with(|| row.before.clone());
        }
    }

    /// One whose void stands already.
    fn void(&mut self, void: &Void) {
        for change in &void.documents {
            self.documents
                .entry(change.key.clone())
                .or_insert_with(|| (change.revision, change.after.clone()));
        }
        for row in &void.rows {
            let cells = match row.action {
                RowAction::Put | RowAction::Merge => Some(row.cells.clone()),
                RowAction::Remove => None,
            };
            self.rows.entry(row.key.to_string()).or_insert(cells);
        }
    }

    /// The void of one that was taken in.
    fn undo(
        &self,
        offset: u64,
        decision: &Decision,
        dead: Option<DeadReason>,
        epoch: u64,
        now: i64,
    ) -> Void {
        Void {
            epoch,
            request: decision.request,
            operation: decision.operation.clone(),
            position: decision.position,
            decision: offset,
            dead,
            documents: decision
                .documents
                .iter()
                .map(|change| self.document(change))
                .collect(),
            rows: decision.rows.iter().map(|row| self.row(row)).collect(),
            time: now,
            accepted: decision.accepted,
            reply: decision.reply.clone(),
        }
    }

    fn document(&self, change: &DocumentChange) -> DocumentChange {
        let (revision, after) = self.documents[&change.key].clone();
        DocumentChange {
            key: change.key.clone(),
            revision_before: change.revision,
            revision,
            before: change.after.clone(),
            after,
        }
    }

    fn row(&self, row: &RowMutation) -> RowMutation {
        let (action, cells) = match self.rows[&row.key.to_string()].clone() {
            Some(cells) => (RowAction::Put, cells),
            None => (RowAction::Remove, Map::new()),
        };
        RowMutation {
            key: row.key.clone(),
            action,
            cells,
            before: None,
            expires: None,
        }
    }
}

#[cfg(test)]
mod tests;
