//! What an audit tells of what is hidden.

use super::*;
use audit::{Basis, DifferenceKind, FoldedCells};
use event_schema::mutation::{DocumentKey, RowKey};
use serde_json::json;

fn finding(item: ItemName) -> AuditFinding {
    let cells = json!({"hash": "$argon2id$quokka", "email": "quokka"});
    AuditFinding {
        kind: DifferenceKind::Diverged,
        key: item.to_string(),
        item,
        store: "embedded".to_owned(),
        partition: None,
        expected: None,
        found: None,
        request: None,
        row: Some(FoldedCells {
            cells: cells.as_object().cloned(),
            expires: None,
        }),
        basis: Basis::Log,
        detail: String::new(),
    }
}

fn row(table: &str) -> ItemName {
    let key = json!({"id": "wallaby"}).as_object().unwrap().clone();
    let table = table.to_owned();
    ItemName::Row {
        row: RowKey { table, key },
    }
}

fn document(index: &str) -> ItemName {
    let document = DocumentKey {
        index: index.to_owned(),
        collection: "users".to_owned(),
        incarnation: "1".to_owned(),
        id: "wallaby".to_owned(),
    };
    ItemName::Document { document }
}

#[test]
fn no_cells_are_shown_and_hidden_items_are_named_by_a_hash() {
    let (catalog, keys) = (
        Catalog::builtin().unwrap(),
        Keyring::new(1, *b"0123456789abcdef"),
    );
    let hidden = HiddenNames {
        catalog: &catalog,
        keys: &keys,
    };
    let shown = |item: ItemName| {
        let report = AuditReport {
            findings: vec![finding(item)],
            ..AuditReport::default()
        };
        let job = AuditJob {
            audit_id: "a1".to_owned(),
            status: AuditStatus::Found,
            done: 1.0,
            phase: None,
            why: None,
            report: Arc::new(report),
        };
        serde_json::to_string(&job.shown(&hidden)).unwrap()
    };
    for item in [row("security_account"), row("otp"), document(system::INDEX)] {
        let text = shown(item);
        assert!(
            !text.contains("quokka") && !text.contains("wallaby"),
            "{text}"
        );
    }
    for item in [row("user"), document("sunbird")] {
        let text = shown(item);
        assert!(
            !text.contains("quokka") && text.contains("wallaby"),
            "{text}"
        );
    }
}
