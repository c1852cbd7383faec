//! A row as the mutations of the log leave it, folded in their order: cells with their deadlines,
//! and whether the row is there at all. Pure.

use crate::finding::FoldedCells;
use event_schema::mutation::{RowAction, RowMutation};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::{cell, schema::Table};

/// Stores clear what has expired to a second or so.
const BLUR_MS: i64 = 5_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FoldedRow {
    /// With the deadline, Unix milliseconds, at which each goes by itself.
    cells: BTreeMap<String, (Value, Option<i64>)>,
    /// Is it there even without cells, and until when?
    stands: Option<Option<i64>>,
}

impl FoldedRow {
    /// The row before its first mutation that is known.
    pub fn before(first: &RowMutation, table: Option<&Table>) -> Self {
        let Some(before) = &first.before else {
            return Self::default();
        };
        let put = RowMutation {
            action: RowAction::Put,
            cells: before.clone(),
            expires: first.expires_before,
            ..first.clone()
        };
        let mut row = Self::default();
        row.apply(&put, table);
        row
    }

    pub fn apply(&mut self, mutation: &RowMutation, table: Option<&Table>) {
        match mutation.action {
            RowAction::Remove => {
                *self = Self::default();
                return;
            }
            RowAction::Put => self.cells.clear(),
            RowAction::Merge => {}
        }
        self.stands = Some(mutation.expires);
        for (name, value) in canonical_cells(mutation, table) {
            match value {
                Some(value) => drop(self.cells.insert(name, (value, mutation.expires))),
                None => drop(self.cells.remove(&name)),
            }
        }
    }

    /// Bytes that it takes, about.
    pub fn size(&self) -> usize {
        let cell = |(name, (value, _)): (&String, &(Value, Option<i64>))| {
            64 + name.len() + value.as_str().map_or(24, str::len)
        };
        self.cells.iter().map(cell).sum()
    }

    /// Is it there at all?
    pub fn stands(&self, now: i64) -> bool {
        self.read(now).is_some()
    }

    /// Does this read of a store, at about `now`, show the row as it is folded?
    pub fn is_shown_by(&self, found: Option<&Map<String, Value>>, now: i64) -> bool {
        let times = if self.has_deadlines() {
            &[now, now - BLUR_MS, now + BLUR_MS][..]
        } else {
            &[now]
        };
        times.iter().any(|at| {
            let expected = self.read(*at);
            match (&expected, found) {
                (None, None) => true,
                // A row of which nothing is left but its name, once it had a deadline.
                (Some(cells), None) | (None, Some(cells)) => {
                    cells.is_empty() && self.has_deadlines()
                }
                (Some(expected), Some(found)) => same_cells(expected, found),
            }
        })
    }

    /// As one write would leave it; none, if its cells go at different times.
    pub fn whole(&self, now: i64) -> Option<FoldedCells> {
        let Some(cells) = self.read(now) else {
            return Some(FoldedCells {
                cells: None,
                expires: None,
            });
        };
        let expires = self.stands.flatten();
        let same = self.cells.values().all(|(_, end)| *end == expires);
        same.then_some(FoldedCells {
            cells: Some(cells),
            expires,
        })
    }

    fn has_deadlines(&self) -> bool {
        let timed = |(_, expires): &(Value, Option<i64>)| expires.is_some();
        self.stands.flatten().is_some() || self.cells.values().any(timed)
    }

    fn read(&self, now: i64) -> Option<Map<String, Value>> {
        let alive = |expires: &Option<i64>| expires.is_none_or(|end| end > now);
        let cells: Map<String, Value> = self
            .cells
            .iter()
            .filter(|(_, (_, expires))| alive(expires))
            .map(|(name, (value, _))| (name.clone(), value.clone()))
            .collect();
        let stands = !cells.is_empty() || self.stands.as_ref().is_some_and(alive);
        stands.then_some(cells)
    }
}

fn same_cells(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(name, value)| other.get(name) == Some(value))
}

/// The cells as stores answer them; as they are written where the table is not known.
fn canonical_cells(mutation: &RowMutation, table: Option<&Table>) -> Vec<(String, Option<Value>)> {
    if let Some(fitted) = table.and_then(|table| cell::fit_mutation(table, mutation).ok()) {
        return fitted.cells;
    }
    let cells = mutation.cells.iter();
    cells
        .map(|(name, value)| (name.clone(), (!value.is_null()).then(|| value.clone())))
        .collect()
}
