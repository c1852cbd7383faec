//! Accepted events that no record decides: passed over by a mark they are named; above it they are
//! counted; repeats of a decided request are neither.

use super::pipeline::{Pipeline, apply, change, named, short};
use crate::{AuditReport, DifferenceKind};
use event_schema::decision::Change;
use serde_json::json;

fn lost(offset: u64) -> (DifferenceKind, String, String) {
    (
        DifferenceKind::Lost,
        format!("event 1/0@{offset}"),
        "log".to_owned(),
    )
}

fn events(report: &AuditReport) -> (u64, u64, bool) {
    let counts = report.counts;
    (counts.events, counts.undecided, report.is_clean())
}

#[tokio::test]
async fn an_event_that_a_mark_passed_over_is_named() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let forgotten = pipeline.accepted(vec![], vec![]).await;
    pipeline.mark().await;
    let report = pipeline.audit_with(short()).await;
    let offset = forgotten.position.offset.get();
    assert_eq!(named(&report), vec![lost(offset)]);
    assert_eq!(report.findings[0].request, Some(forgotten.request));
    assert_eq!(events(&report), (offset + 1, 0, false));

    // Decided late, it is no longer: a replay or a redo stands at an old position.
    let mut late = forgotten.clone();
    late.at = event_schema::offset::ChangesOffset::new(pipeline.next);
    late.replaces = Some(late.at);
    let at = pipeline.append(&Change::Decision(late.clone())).await;
    apply(&mut pipeline.stores.held.lock(), at, &late);
    pipeline.mark().await;
    let report = pipeline.audit_with(short()).await;
    assert_eq!(
        (named(&report), events(&report)),
        (vec![], (offset + 1, 0, true))
    );
}

#[tokio::test]
async fn an_event_that_no_worker_has_decided_yet_is_not_clean() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let waits = pipeline.accepted(vec![], vec![]).await;
    let report = pipeline.audit_with(short()).await;
    let all = waits.position.offset.get() + 1;
    assert_eq!((named(&report), events(&report)), (vec![], (all, 1, false)));
    assert!(!report.has_findings());
}

#[tokio::test]
async fn copies_of_a_decided_event_need_no_decision() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let change = change("e1", 1, Some(json!({"n": 1})));
    let decision = pipeline.accepted(vec![change], vec![]).await;
    let at = pipeline.append(&Change::Decision(decision.clone())).await;
    apply(&mut pipeline.stores.held.lock(), at, &decision);
    let copy = pipeline.repeat(decision.request).await;
    pipeline.mark().await;
    let report = pipeline.audit_with(short()).await;
    assert_eq!(
        (named(&report), events(&report)),
        (vec![], (copy + 1, 0, true))
    );
    // Only the lost entry of the ledger is named, not the copy that it would have told of.
    pipeline.stores.held.lock().ledger.remove(&decision.request);
    let report = pipeline.audit_with(short()).await;
    let entry = format!("ledger entry {}", decision.request);
    let expected = (DifferenceKind::Lost, entry, "record".to_owned());
    assert_eq!(named(&report), vec![expected]);
}

#[tokio::test]
async fn a_log_that_lost_its_last_events_is_named() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    // Decided and marked, and the log has no such event.
    let change = change("e1", 1, Some(json!({"n": 1})));
    let decision = pipeline.decision(vec![change], vec![]);
    let at = pipeline.append(&Change::Decision(decision.clone())).await;
    apply(&mut pipeline.stores.held.lock(), at, &decision);
    pipeline.mark().await;
    let mark = (
        DifferenceKind::Extra,
        "mark of partition 0".to_owned(),
        "log".to_owned(),
    );
    assert_eq!(pipeline.findings().await, vec![mark]);
}
