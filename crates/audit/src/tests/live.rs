//! Beside live traffic: what is written meanwhile is never named, and what is not resolved is not
//! judged.

use super::pipeline::{Pipeline, append, apply, change, document, mark, named, refusal, short};
use crate::DifferenceKind;
use change_feed::document_name;
use event_schema::{
    decision::{Change, Decision, Mark},
    offset::{ChangesOffset, Epoch},
};
use serde_json::json;

/// Before each read of the record some documents are decided anew, and what was decided before the
/// last one is applied and marked, as a worker does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_it_looks_is_not_named() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    pipeline
        .stores
        .held
        .lock()
        .documents
        .remove(&document_name(&document("d11")));
    let (log, layout) = (pipeline.log.clone(), pipeline.ports.layout.clone());
    let runtime = tokio::runtime::Handle::current();
    let (mut next, epoch) = (pipeline.next, pipeline.epoch);
    let mut decisions = Vec::new();
    for n in 0..60_u64 {
        let id = format!("d{}", n % 9);
        let documents = vec![change(&id, n + 9, Some(json!({"n": n + 9})))];
        decisions.push(pipeline.decision(documents, vec![]));
    }
    let mut decisions = decisions.into_iter();
    // Some are under way when it begins.
    let mut decided: Vec<(ChangesOffset, Decision)> = Vec::new();
    for mut decision in decisions.by_ref().take(9) {
        decision.at = ChangesOffset::new(next);
        let change = Change::Decision(decision.clone());
        decided.push((append(&log, &layout, &change).await, decision));
        next += 1;
    }
    *pipeline.stores.before_read.lock() = Some(Box::new(move |held| {
        let mut append = |mut change: Change| {
            match &mut change {
                Change::Decision(decision) => decision.at = ChangesOffset::new(next),
                Change::Mark(mark) => mark.at = ChangesOffset::new(next),
                Change::Open(_) | Change::Void(_) => {}
            }
            let appended = async { append(&log, &layout, &change).await };
            let at = tokio::task::block_in_place(|| runtime.block_on(appended));
            assert_eq!(at.get(), next);
            next += 1;
            at
        };
        // What was decided before the last read is applied before this one.
        let before = std::mem::take(&mut decided);
        before.iter().for_each(|(at, one)| apply(held, *at, one));
        for decision in decisions.by_ref().take(3) {
            let at = append(Change::Decision(decision.clone()));
            decided.push((at, decision));
        }
        if let Some((last, _)) = before.last() {
            let mark = mark(epoch, last.get() + 1, 0);
            let at = append(Change::Mark(mark.clone()));
            held.marks.insert(0, Mark { at, ..mark });
        }
    }));
    let report = pipeline.audit_with(crate::AuditOptions::default()).await;
    let half = (DifferenceKind::HalfApplied, "document i/c/d11", "record");
    let half = (half.0, half.1.to_owned(), half.2.to_owned());
    assert_eq!(named(&report), vec![half]);
}

/// Decided, and no worker is there to apply it.
#[tokio::test]
async fn what_is_not_resolved_is_not_judged() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let documents = vec![change("d3", 3, Some(json!({"n": 3})))];
    let decision = pipeline.decision(documents, vec![]);
    pipeline.append(&Change::Decision(decision)).await;
    let report = pipeline.audit_with(short()).await;
    assert_eq!(named(&report), vec![]);
    // The document in both stores, and the ledger's entry.
    assert_eq!(report.counts.unsettled, 3);
    assert!(!report.is_clean(), "what was not judged is not clean");
    assert!(!report.has_findings());
}

/// A worker that lost its partition appends behind its successor's `open`: nothing of that counts,
/// and a store that took it is damaged.
#[tokio::test]
async fn records_of_a_zombie_say_nothing() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let (before, mut zombie) = (pipeline.epoch, {
        let documents = vec![change("d3", 3, Some(json!({"n": 3})))];
        pipeline.accepted(documents, vec![]).await
    });
    pipeline.open().await;
    (zombie.epoch, zombie.at) = (before, ChangesOffset::new(pipeline.next));
    let at = pipeline.append(&Change::Decision(zombie.clone())).await;
    pipeline.open().await;
    // Its successor decides the event anew.
    let mut refused = zombie.clone();
    (refused.epoch, refused.at) = (pipeline.epoch, ChangesOffset::new(pipeline.next));
    (refused.documents, refused.verdict) = (vec![], refusal());
    let decided = pipeline.append(&Change::Decision(refused.clone())).await;
    apply(&mut pipeline.stores.held.lock(), decided, &refused);
    pipeline.mark().await;
    assert_eq!(named(&pipeline.audit().await), vec![]);
    apply(&mut pipeline.stores.held.lock(), at, &zombie);
    apply(&mut pipeline.stores.held.lock(), decided, &refused);
    let report = pipeline.audit().await;
    let stores: Vec<_> = named(&report)
        .into_iter()
        .map(|one| (one.0, one.2))
        .collect();
    let extra = |store: &str| (DifferenceKind::Extra, store.to_owned());
    assert_eq!(stores, vec![extra("record"), extra("view")]);
    assert_ne!(pipeline.epoch, Epoch::begun_at(ChangesOffset::FIRST));
}
