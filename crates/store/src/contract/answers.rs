//! What the contract says about answers. It must never be lenient: a verdict too few is a failure
//! like a wrong one.

use crate::{ItemVerdict, Record};
use event_schema::mutation::{DocumentKey, RowKey};
use serde_json::{Map, Value};

#[track_caller]
pub fn all_done(verdicts: &[ItemVerdict], count: usize) {
    assert_eq!(verdicts.len(), count, "one verdict per item: {verdicts:?}");
    for (n, verdict) in verdicts.iter().enumerate() {
        assert_eq!(*verdict, ItemVerdict::Done, "item {n}");
    }
}

#[track_caller]
pub fn permanent(verdict: &ItemVerdict, what: &str) {
    assert!(
        matches!(verdict, ItemVerdict::Permanent { .. }),
        "{what} must be refused for good, not {verdict:?}"
    );
}

#[track_caller]
pub fn alarm(verdict: &ItemVerdict) {
    assert!(
        matches!(verdict, ItemVerdict::Alarm(_)),
        "two requests at one version are an alarm, not {verdict:?}"
    );
}

/// The body as it stands: outer `None` where there is nothing, inner where there is a deletion
/// marker.
pub async fn body(record: &dyn Record, key: &DocumentKey) -> Option<Option<String>> {
    let mut found = record
        .documents(std::slice::from_ref(key))
        .await
        .expect("a read");
    assert_eq!(found.len(), 1, "one answer per key");
    found
        .remove(0)
        .map(|document| document.body.map(|body| body.get().to_owned()))
}

pub async fn row(record: &dyn Record, key: &RowKey) -> Option<Map<String, Value>> {
    let mut found = record
        .rows(std::slice::from_ref(key))
        .await
        .expect("a read");
    assert_eq!(found.len(), 1, "one answer per key");
    found.remove(0).map(|row| row.cells)
}

/// The row must be these cells and no others.
pub async fn row_is(record: &dyn Record, key: &RowKey, expected: Value) {
    let found = row(record, key).await.map(Value::Object);
    assert_eq!(found, Some(expected), "row {key}");
}
