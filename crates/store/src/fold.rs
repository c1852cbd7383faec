//! What many decisions change → one write per document and row: the last state of each, at the
//! version of the last decision that touches it. Pure; for whoever writes what the log says.

use crate::document::{DocumentWrite, Meta, RowWrite};
use event_schema::{
    id::RequestId,
    mutation::{DocumentChange, DocumentKey, RowAction, RowMutation},
    position::{Position, Version},
};
use std::collections::HashMap;

/// What a decision or void changes in stores.
#[derive(Clone, Copy, Debug)]
pub struct StoredEffects<'a> {
    pub version: Version,
    pub position: Position,
    pub request: RequestId,
    pub documents: &'a [DocumentChange],
    pub rows: &'a [RowMutation],
}

/// What a run of effects comes to.
#[derive(Debug, Default)]
pub struct Folded {
    pub documents: Vec<DocumentWrite>,
    pub rows: Vec<RowWrite>,
}

/// Folds effects in their order; their versions rise.
pub fn fold_effects<'a>(effects: impl IntoIterator<Item = StoredEffects<'a>>) -> Folded {
    let mut folded = Folded::default();
    let mut documents: HashMap<&DocumentKey, usize> = HashMap::new();
    let mut rows: HashMap<String, usize> = HashMap::new();
    for effect in effects {
        for change in effect.documents {
            let meta = Meta {
                version: effect.version,
                position: effect.position,
                revision: change.revision,
                request: effect.request,
            };
            let write = DocumentWrite {
                key: change.key.clone(),
                meta,
                body: change.after.clone(),
                diverged: false,
                purged: change.purged,
            };
            match documents.get(&change.key) {
                Some(at) => folded.documents[*at] = write,
                None => {
                    documents.insert(&change.key, folded.documents.len());
                    folded.documents.push(write);
                }
            }
        }
        for row in effect.rows {
            fold_row(&mut folded.rows, &mut rows, row, effect.version);
        }
    }
    folded
}

fn fold_row(
    folded: &mut Vec<RowWrite>,
    rows: &mut HashMap<String, usize>,
    row: &RowMutation,
    version: Version,
) {
    let name = row.key.to_string();
    match rows.get(&name) {
        Some(at) if can_combine(&folded[*at].mutation, row) => {
            let earlier = &mut folded[*at];
            earlier.version = version;
            combine_mutations(&mut earlier.mutation, row);
        }
        Some(_) | None => {
            rows.insert(name, folded.len());
            folded.push(RowWrite {
                mutation: row.clone(),
                version,
                step: 0,
            });
        }
    }
}

/// Cells that go at different times cannot be one write: each has the deadline it was written with.
fn can_combine(earlier: &RowMutation, later: &RowMutation) -> bool {
    later.action != RowAction::Merge
        || earlier.action == RowAction::Remove
        || earlier.expires == later.expires
}

/// `earlier` then `later`, as one mutation.
fn combine_mutations(earlier: &mut RowMutation, later: &RowMutation) {
    earlier.expires = later.expires;
    match (earlier.action, later.action) {
        (_, RowAction::Put | RowAction::Remove) => {
            earlier.action = later.action;
            earlier.cells = later.cells.clone();
        }
        (RowAction::Remove, RowAction::Merge) => {
            earlier.action = RowAction::Put;
            earlier.cells = later.cells.clone();
        }
        (RowAction::Put | RowAction::Merge, RowAction::Merge) => {
            earlier.cells.extend(later.cells.clone())
        }
    }
}

#[cfg(test)]
mod tests;
