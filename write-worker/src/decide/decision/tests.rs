//! The size of a decision is never counted smaller than it is.

use super::*;
use event_schema::{
    codec,
    decision::Change,
    id::RequestId,
    mutation::{RowAction, RowKey},
    offset::{Epoch, TransactionsOffset},
    position::Position,
    signing::Keyring,
};
use serde_json::json;

fn decision(cells: Value) -> Decision {
    let row = |cells: Value| cells.as_object().unwrap().clone();
    Decision {
        epoch: Epoch::begun_at(ChangesOffset::FIRST),
        at: ChangesOffset::FIRST,
        key: EntityKey("user/1".into()),
        request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [0; 16]),
        operation: "user.update".into(),
        principal: None,
        tenant: "default".into(),
        catalog: "c".into(),
        position: Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::FIRST,
        },
        replaces: None,
        by: None,
        silent: false,
        verdict: Verdict::Applied,
        documents: Vec::new(),
        rows: vec![RowMutation {
            key: RowKey {
                table: "user".into(),
                key: row(json!({"id": "1"})),
            },
            action: RowAction::Merge,
            before: Some(row(cells.clone())),
            cells: row(cells),
            expires_before: None,
            expires: None,
        }],
        parts: Vec::new(),
        claims: ClaimedValues::default(),
        claim: None,
        judged_by: Vec::new(),
        judged_by_rows: Vec::new(),
        result: None,
        volatile: None,
        relaxed: false,
        accepted: 0,
        decided: 0,
        reply: None,
        origin: None,
        traceparent: None,
    }
}

/// Cells of lists and maps, and texts full of characters that JSON escapes, count as they are
/// written.
#[test]
fn wide_rows_count_as_they_are_encoded() {
    let cells = [
        json!({"tags": vec!["a tag"; 5_000]}),
        json!({"text": "\u{1}".repeat(10_000)}),
        json!({"map": {"a": vec![json!({"b": "c"}); 2_000]}}),
    ];
    for cells in cells {
        let decision = decision(cells);
        let counted = decision_size(&decision);
        let parts = codec::encode_change(&Change::Decision(decision.clone()));
        let encoded = parts.value.map_or(0, |value| value.len());
        assert!(counted + 4096 >= encoded, "{counted} for {encoded} bytes");
        assert!(too_large(&decision, 1_000, encoded / 2).is_some());
        assert!(too_large(&decision, 1_000, 2 * encoded).is_none());
    }
}
