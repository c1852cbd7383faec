//! Which decisions are undone together, and the voids that undo them: what a store will not take,
//! and everything that was decided over it. Also what an owner that ended between two voids left
//! behind. Pure: it names the records whose bodies it needs and makes the voids of them.

use crate::window::{Standing, StandingKind, Window, document_name, row_name};
use event_schema::{
    Raw,
    decision::{Change, Decision, OriginalRecord, Void, VoidEnd},
    mutation::{DocumentAction, DocumentChange, RowAction, RowMutation},
    offset::{ChangesOffset, Epoch},
    outcome::DeadReason,
    position::Position,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Decisions to undo, in the order of `changes`.
#[derive(Debug, Default)]
pub struct UndoPlan(BTreeMap<ChangesOffset, Undo>);

#[derive(Debug)]
struct Undo {
    position: Position,
    ends: VoidEnd,
    /// What it changed → where the state before the whole chain is to be found.
    bases: HashMap<String, Base>,
}

/// Where the state that a void restores is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Base {
    BeforeDecision(ChangesOffset),
    AfterVoid(ChangesOffset),
}

/// A stretch in which a document or row was what it then never came to be.
#[derive(Clone, Copy, Debug)]
struct UndoneStretch {
    from: ChangesOffset,
    /// Its void; none yet for those of this plan.
    until: Option<ChangesOffset>,
    base: Base,
}

/// What all voids of one tenure carry.
#[derive(Clone, Copy, Debug)]
pub struct VoidStamp {
    pub epoch: Epoch,
    /// Where the first of them must stand.
    pub first: ChangesOffset,
    /// Unix milliseconds.
    pub time: i64,
}

impl Window {
    /// What is to be undone because a store will not take these decisions, with how each ends; and
    /// whatever was decided over something that is voided already. A decision that does not stand
    /// any more is left out; one that was decided over another of them is decided anew.
    pub fn undo(&self, rejected: &BTreeMap<ChangesOffset, VoidEnd>) -> UndoPlan {
        let mut undone: HashMap<&str, Vec<UndoneStretch>> = HashMap::new();
        for (offset, standing) in &self.standing {
            let StandingKind::Void { undoes, .. } = standing.kind else {
                continue;
            };
            for name in &standing.changes {
                undone.entry(name).or_default().push(UndoneStretch {
                    from: undoes,
                    until: Some(*offset),
                    base: Base::AfterVoid(*offset),
                });
            }
        }
        let mut plan = UndoPlan::default();
        for (offset, standing) in &self.standing {
            if standing.kind != StandingKind::Decision {
                continue;
            }
            let ends = match rejected.get(offset) {
                _ if rests_on(standing, *offset, &undone) && standing.was_held => VoidEnd::Held,
                _ if rests_on(standing, *offset, &undone) => VoidEnd::Anew,
                Some(ends) if standing.was_held => back_in_queue(ends),
                Some(ends) => ends.clone(),
                None => continue,
            };
            let mut bases = HashMap::with_capacity(standing.changes.len());
            for name in &standing.changes {
                let stretches = undone.entry(name).or_default();
                let base = first_around(stretches, *offset)
                    .map_or(Base::BeforeDecision(*offset), |stretch| stretch.base);
                bases.insert(name.clone(), base);
                stretches.push(UndoneStretch {
                    from: *offset,
                    until: None,
                    base,
                });
            }
            let undo = Undo {
                position: standing.position,
                ends,
                bases,
            };
            plan.0.insert(*offset, undo);
        }
        plan
    }
}

/// What was held for a person is for that person to mend, whoever refuses it.
fn back_in_queue(ends: &VoidEnd) -> VoidEnd {
    match ends {
        VoidEnd::Refused(refusal) => VoidEnd::Dead(DeadReason {
            code: "refused_late".to_owned(),
            message: refusal.message.clone(),
            store: None,
        }),
        other => other.clone(),
    }
}

/// Was it decided over something that is undone?
fn rests_on(
    standing: &Standing,
    offset: ChangesOffset,
    undone: &HashMap<&str, Vec<UndoneStretch>>,
) -> bool {
    let mut names = standing.changes.iter().chain(&standing.judged_by);
    names.any(|name| {
        undone
            .get(name.as_str())
            .is_some_and(|stretches| first_around(stretches, offset).is_some())
    })
}

/// The earliest stretch that this offset lies in.
fn first_around(stretches: &[UndoneStretch], offset: ChangesOffset) -> Option<&UndoneStretch> {
    let around = |stretch: &&UndoneStretch| {
        stretch.from < offset && stretch.until.is_none_or(|until| offset < until)
    };
    stretches
        .iter()
        .filter(around)
        .min_by_key(|stretch| stretch.from)
}

impl UndoPlan {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The records of `changes` that [`voids`](Self::voids) needs, in order.
    pub fn reads(&self) -> Vec<ChangesOffset> {
        let bases = self.0.values().flat_map(|undo| undo.bases.values());
        let bases = bases.map(|base| match base {
            Base::BeforeDecision(at) | Base::AfterVoid(at) => *at,
        });
        let reads: BTreeSet<ChangesOffset> = self.0.keys().copied().chain(bases).collect();
        reads.into_iter().collect()
    }

    /// The positions whose events [`voids`](Self::voids) puts into them.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.0.values().map(|undo| undo.position)
    }

    /// The voids, to be appended in this order. `records`: what [`reads`](Self::reads) asked for;
    /// `events`: by position, where they could be read. `None` if a record is missing.
    pub fn voids(
        &self,
        records: &BTreeMap<ChangesOffset, Change>,
        events: &HashMap<Position, OriginalRecord>,
        stamp: VoidStamp,
    ) -> Option<Vec<Void>> {
        let states = RestoredStates(records);
        let numbered = (0..).zip(&self.0);
        numbered
            .map(|(number, (offset, undo))| {
                let Change::Decision(decision) = records.get(offset)? else {
                    return None;
                };
                let void = Void {
                    epoch: stamp.epoch,
                    at: stamp.first.plus(number),
                    key: decision.key.clone(),
                    request: decision.request,
                    operation: decision.operation.clone(),
                    principal: decision.principal.clone(),
                    position: decision.position,
                    decision: *offset,
                    ends: undo.ends.clone(),
                    by: decision.by.clone(),
                    relaxed: decision.relaxed,
                    documents: states.restored_documents(decision, undo)?,
                    rows: states.restored_rows(decision, undo)?,
                    event: events.get(&decision.position).cloned(),
                    silent: is_silent(decision),
                    claim: decision.claim.clone(),
                    time: stamp.time,
                    accepted: decision.accepted,
                    reply: decision.reply.clone(),
                };
                Some(void)
            })
            .collect()
    }
}

/// Does no subscriber hear of it?
pub(crate) fn is_silent(decision: &Decision) -> bool {
    decision.silent || decision.origin.as_ref().is_some_and(|origin| origin.silent)
}

/// A row as it was; without cells, it was not there.
struct RestoredRow {
    cells: Option<Map<String, Value>>,
    expires: Option<i64>,
}

/// Looks up what a void restores.
struct RestoredStates<'a>(&'a BTreeMap<ChangesOffset, Change>);

impl RestoredStates<'_> {
    fn restored_documents(&self, decision: &Decision, undo: &Undo) -> Option<Vec<DocumentChange>> {
        let reverse = |change: &DocumentChange| {
            let (revision, after) = self.restored_document(&document_name(&change.key), undo)?;
            Some(DocumentChange {
                key: change.key.clone(),
                action: match after {
                    Some(_) => DocumentAction::Put,
                    None => DocumentAction::Remove,
                },
                revision_before: change.revision,
                revision,
                before: change.after.clone(),
                after,
                purged: false,
            })
        };
        decision.documents.iter().map(reverse).collect()
    }

    fn restored_document(&self, name: &str, undo: &Undo) -> Option<(u64, Option<Raw>)> {
        let named = |change: &&DocumentChange| document_name(&change.key) == name;
        match (*undo.bases.get(name)?, self.base_change(name, undo)?) {
            (Base::BeforeDecision(_), Change::Decision(decision)) => {
                let change = decision.documents.iter().find(named)?;
                Some((change.revision_before, change.before.clone()))
            }
            (Base::AfterVoid(_), Change::Void(void)) => {
                let change = void.documents.iter().find(named)?;
                Some((change.revision, change.after.clone()))
            }
            _ => None,
        }
    }

    fn restored_rows(&self, decision: &Decision, undo: &Undo) -> Option<Vec<RowMutation>> {
        let reverse = |row: &RowMutation| {
            let RestoredRow { cells, expires } = self.restored_row(&row_name(&row.key), undo)?;
            Some(RowMutation {
                key: row.key.clone(),
                action: match cells {
                    Some(_) => RowAction::Put,
                    None => RowAction::Remove,
                },
                cells: cells.unwrap_or_default(),
                before: None,
                expires_before: None,
                expires,
            })
        };
        decision.rows.iter().map(reverse).collect()
    }

    fn restored_row(&self, name: &str, undo: &Undo) -> Option<RestoredRow> {
        let named = |row: &&RowMutation| row_name(&row.key) == name;
        match (*undo.bases.get(name)?, self.base_change(name, undo)?) {
            (Base::BeforeDecision(_), Change::Decision(decision)) => {
                let row = decision.rows.iter().find(named)?;
                Some(RestoredRow {
                    cells: row.before.clone(),
                    expires: row.expires_before,
                })
            }
            (Base::AfterVoid(_), Change::Void(void)) => {
                let row = void.rows.iter().find(named)?;
                let cells = (row.action != RowAction::Remove).then(|| row.cells.clone());
                Some(RestoredRow {
                    cells,
                    expires: row.expires,
                })
            }
            _ => None,
        }
    }

    fn base_change(&self, name: &str, undo: &Undo) -> Option<&Change> {
        match undo.bases.get(name)? {
            Base::BeforeDecision(at) | Base::AfterVoid(at) => self.0.get(at),
        }
    }
}

#[cfg(test)]
mod tests;
