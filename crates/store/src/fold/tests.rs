//! Folding keeps the last state, at the last version, whatever the order of actions on a row.

use super::*;
use event_schema::{
    mutation::{DocumentAction, RowKey},
    offset::{ChangesOffset, TransactionsOffset},
    signing::Keyring,
    to_raw,
};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

struct Changed {
    version: Version,
    position: Position,
    request: RequestId,
    documents: Vec<DocumentChange>,
    rows: Vec<RowMutation>,
}

fn effects(at: u64, documents: Vec<DocumentChange>, rows: Vec<RowMutation>) -> Changed {
    let unique = [at as u8; 16];
    Changed {
        version: version(at),
        position: Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::new(at),
        },
        request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, unique),
        documents,
        rows,
    }
}

fn folded(all: &[Changed]) -> Folded {
    fold_effects(all.iter().map(|one| StoredEffects {
        version: one.version,
        position: one.position,
        request: one.request,
        documents: &one.documents,
        rows: &one.rows,
    }))
}

fn version(at: u64) -> Version {
    Version::new(1, ChangesOffset::new(at))
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
        action: DocumentAction::Put,
        revision_before: n - 1,
        revision: n,
        before: None,
        after: Some(to_raw(&n)),
        purged: false,
    };
    let all = [
        effects(4, vec![change(1)], vec![]),
        effects(9, vec![change(2)], vec![]),
    ];
    let folded = folded(&all);
    assert_eq!(folded.documents.len(), 1);
    let write = &folded.documents[0];
    assert_eq!(
        (
            write.meta.version,
            write.meta.revision,
            write.body.as_ref().unwrap().get()
        ),
        (version(9), 2, "2")
    );
}

/// A purge takes the place of the deletion, and a write behind it takes its place.
#[test]
fn a_purge_is_the_last_of_a_document_until_it_is_made_again() {
    let key = DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: "1".into(),
    };
    let change = |after: Option<u64>, purged| DocumentChange {
        key: key.clone(),
        action: DocumentAction::Remove,
        revision_before: 1,
        revision: 2,
        before: None,
        after: after.map(|n| to_raw(&n)),
        purged,
    };
    let all = [
        effects(4, vec![change(None, false)], vec![]),
        effects(7, vec![change(None, true)], vec![]),
        effects(9, vec![change(Some(1), false)], vec![]),
    ];
    let last = |count: usize| {
        let write = &folded(&all[..count]).documents[0];
        (write.meta.version, write.purged, write.body.is_some())
    };
    assert_eq!(last(1), (version(4), false, false));
    assert_eq!(last(2), (version(7), true, false));
    assert_eq!(last(3), (version(9), false, true));
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
        expires_before: None,
        expires: None,
    })
}

proptest! {
    #[test]
    fn one_folded_row_is_the_same_as_all_in_turn(first in mutation(), rest in proptest::collection::vec(mutation(), 0..6)) {
        let rows: Vec<_> = std::iter::once(first).chain(rest).collect();
        let all: Vec<_> = rows.iter().enumerate().map(|(at, row)| effects(at as u64, vec![], vec![row.clone()])).collect();
        let folded = folded(&all);
        prop_assert_eq!(folded.rows.len(), 1);
        prop_assert_eq!(folded.rows[0].version, version(rows.len() as u64 - 1));
        let before = RowMutation { action: RowAction::Put, cells: Map::from_iter([("z".to_owned(), 1.into())]), ..rows[0].clone() };
        let in_turn: Vec<_> = std::iter::once(before.clone()).chain(rows).collect();
        prop_assert_eq!(model(&[before, folded.rows[0].mutation.clone()]), model(&in_turn));
    }
}

/// A one-time password that expires, then a merge into its row that does not: what expires still
/// does.
#[test]
fn cells_of_different_deadlines_are_not_one_write() {
    let row = |action, expires, cell: &str| RowMutation {
        key: RowKey {
            table: "otp".into(),
            key: Map::from_iter([("id".to_owned(), "1".into())]),
        },
        action,
        cells: Map::from_iter([(cell.to_owned(), 1.into())]),
        before: None,
        expires_before: None,
        expires,
    };
    let put = row(RowAction::Put, Some(99), "otp");
    let both = |later| {
        folded(&[
            effects(1, vec![], vec![put.clone()]),
            effects(2, vec![], vec![later]),
        ])
    };
    let deadlines = |folded: &Folded| -> Vec<Option<i64>> {
        let rows = folded.rows.iter();
        rows.map(|row| row.mutation.expires).collect()
    };
    let merged = both(row(RowAction::Merge, None, "seen"));
    assert_eq!(deadlines(&merged), [Some(99), None]);
    assert_eq!(merged.rows[1].version, version(2));
    let same = both(row(RowAction::Merge, Some(99), "seen"));
    assert_eq!(deadlines(&same), [Some(99)]);
    let replaced = both(row(RowAction::Put, None, "seen"));
    assert_eq!(deadlines(&replaced), [None]);
}
