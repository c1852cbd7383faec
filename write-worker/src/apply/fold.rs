//! Many steps → one write per document and row: the last state of each, at the version of the last
//! step that touches it. Pure.

use crate::step::Step;
use event_schema::{
    mutation::{DocumentKey, RowAction, RowMutation},
    position::Version,
};
use std::collections::HashMap;
use store::{DocumentWrite, Meta, RowWrite};

/// What a run of steps comes to.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    pub documents: Vec<DocumentWrite>,
    pub rows: Vec<RowWrite>,
}

/// Folds steps in their order; their versions rise.
pub(crate) fn fold<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Folded {
    let mut folded = Folded::default();
    let mut documents: HashMap<&DocumentKey, usize> = HashMap::new();
    let mut rows: HashMap<String, usize> = HashMap::new();
    for step in steps {
        for change in &step.documents {
            let meta = Meta {
                version: step.version,
                position: step.position,
                revision: change.revision,
                request: step.request,
            };
            let write = DocumentWrite {
                key: change.key.clone(),
                meta,
                body: change.after.clone(),
            };
            match documents.get(&change.key) {
                Some(at) => folded.documents[*at] = write,
                None => {
                    documents.insert(&change.key, folded.documents.len());
                    folded.documents.push(write);
                }
            }
        }
        for row in &step.rows {
            fold_row(&mut folded.rows, &mut rows, row, step.version);
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
    match rows.get(&row.key.to_string()) {
        Some(at) => {
            let earlier = &mut folded[*at];
            earlier.version = version;
            combine(&mut earlier.mutation, row);
        }
        None => {
            rows.insert(row.key.to_string(), folded.len());
            folded.push(RowWrite {
                mutation: row.clone(),
                version,
                step: 0,
            });
        }
    }
}

/// `earlier` then `later`, as one mutation.
fn combine(earlier: &mut RowMutation, later: &RowMutation) {
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
