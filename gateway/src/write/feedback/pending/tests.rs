//! Waiters get their verdict once, leave when they give up, and are bounded.

use super::*;
use event_schema::{
    outcome::{Times, Verdict},
    position::{Position, Version},
    signing::Keyring,
};
use std::borrow::Cow;

fn id(n: u8) -> RequestId {
    RequestId::mint(
        &Keyring::new(1, *b"a secret of thirty-two bytes....."),
        1,
        0,
        [n; 16],
    )
}

fn entry(n: u8) -> LedgerEntry {
    LedgerEntry {
        request: id(n),
        key: event_schema::id::EntityKey("i/c/1".into()),
        operation: "document.create".into(),
        principal: None,
        position: Position {
            generation: 1,
            partition: 0,
            offset: event_schema::offset::TransactionsOffset::new(1),
        },
        version: Version(1),
        verdict: Verdict::Applied,
        result: None,
        parts: Vec::new(),
        times: Times::default(),
    }
}

#[tokio::test]
async fn all_who_wait_are_told_and_the_table_is_empty_after() {
    let table = Arc::new(PendingRequests::new(2));
    let (a, b) = (table.expect(id(1)).unwrap(), table.expect(id(1)).unwrap());
    assert!(table.resolve(Cow::Owned(entry(1))));
    assert_eq!(a.verdict().await.unwrap().request, id(1));
    assert_eq!(b.verdict().await.unwrap().request, id(1));
    assert!(!table.resolve(Cow::Owned(entry(1))));
    assert_eq!(table.len(), 0);
}

#[test]
fn who_gives_up_leaves_and_the_others_stay() {
    let table = Arc::new(PendingRequests::new(2));
    let (a, b) = (table.expect(id(1)).unwrap(), table.expect(id(1)).unwrap());
    drop(a);
    assert_eq!(table.len(), 1);
    drop(b);
    assert_eq!(table.len(), 0);
}

#[test]
fn the_table_is_bounded_and_names_the_overdue() {
    let table = Arc::new(PendingRequests::new(2));
    let waiters = (table.expect(id(1)), table.expect(id(2)));
    assert!(table.expect(id(3)).is_none());
    assert!(table.overdue(Duration::from_secs(60), 10).is_empty());
    assert_eq!(table.overdue(Duration::ZERO, 1), [id(1)]);
    assert_eq!(table.overdue(Duration::ZERO, 10).len(), 2);
    drop(waiters);
}
