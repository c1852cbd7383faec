//! Folding keeps the last state, at the last version, whatever the order of actions on a row.

use super::*;
use event_schema::{
    id::RequestId,
    mutation::{DocumentChange, RowKey},
    position::Position,
    raw,
    signing::Keyring,
};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

fn step(offset: u64, documents: Vec<DocumentChange>, rows: Vec<RowMutation>) -> Step {
    let position = Position {
        generation: 1,
        partition: 0,
        offset,
    };
    let request = RequestId::mint(
        &Keyring::new(1, *b"0123456789abcdef"),
        1,
        0,
        [offset as u8; 16],
    );
    Step {
        position,
        version: Version::new(1, offset),
        request,
        documents,
        rows,
        entry: None,
        reply: None,
        dead: None,
    }
}

#[test]
fn a_document_touched_twice_is_written_once_as_it_ends() {
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: "1".into(),
    };
    let change = |n: u64| DocumentChange {
        key: key.clone(),
        revision_before: n - 1,
        revision: n,
        before: None,
        after: Some(raw(&n)),
    };
    let steps = [
        step(4, vec![change(1)], vec![]),
        step(9, vec![change(2)], vec![]),
    ];
    let folded = fold(&steps);
    assert_eq!(folded.documents.len(), 1);
    let write = &folded.documents[0];
    assert_eq!(
        (
            write.meta.version,
            write.meta.revision,
            write.body.as_ref().unwrap().get()
        ),
        (Version::new(1, 9), 2, "2")
    );
}

/// What a table would hold after the mutations one by one.
fn model(rows: &[RowMutation]) -> Option<BTreeMap<String, Value>> {
    rows.iter().fold(None, |state, row| {
        let cells = || {
            row.cells
                .iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k.clone(), v.clone()))
        };
        match row.action {
            RowAction::Remove => None,
            RowAction::Put => Some(cells().collect()),
            RowAction::Merge => {
                let mut state = state.unwrap_or_default();
                state.retain(|column, _| !row.cells.contains_key(column));
                state.extend(cells());
                Some(state)
            }
        }
    })
}

fn mutation() -> impl Strategy<Value = RowMutation> {
    let cells = proptest::collection::btree_map(
        "[abc]",
        prop_oneof![Just(Value::Null), (0..5i64).prop_map(Value::from)],
        0..3,
    );
    (0..3usize, cells).prop_map(|(action, cells)| RowMutation {
        key: RowKey {
            table: "t".into(),
            key: Map::from_iter([("id".to_owned(), "1".into())]),
        },
        action: [RowAction::Put, RowAction::Merge, RowAction::Remove][action],
        cells: cells.into_iter().collect(),
        before: None,
        expires: None,
    })
}

proptest! {
    #[test]
    fn one_folded_row_is_the_same_as_all_in_turn(first in mutation(), rest in proptest::collection::vec(mutation(), 0..6)) {
        let rows: Vec<_> = std::iter::once(first).chain(rest).collect();
        let steps: Vec<_> = rows.iter().enumerate().map(|(at, row)| step(at as u64, vec![], vec![row.clone()])).collect();
        let folded = fold(&steps);
        prop_assert_eq!(folded.rows.len(), 1);
        prop_assert_eq!(folded.rows[0].version, Version::new(1, rows.len() as u64 - 1));
        let before = RowMutation { action: RowAction::Put, cells: Map::from_iter([("z".to_owned(), 1.into())]), ..rows[0].clone() };
        let in_turn: Vec<_> = std::iter::once(before.clone()).chain(rows).collect();
        prop_assert_eq!(model(&[before, folded.rows[0].mutation.clone()]), model(&in_turn));
    }
}
