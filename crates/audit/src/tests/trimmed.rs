//! A log that begins behind what the stores hold: what is older can only be compared between record
//! and view, and that is said.

use super::pipeline::{Pipeline, append, apply, change, document, mark, named};
use crate::{AuditOptions, Basis, DifferenceKind};
use change_feed::document_name;
use event_schema::{
    decision::{Change, Decision, Mark},
    offset::ChangesOffset,
};
use serde_json::json;

#[tokio::test]
async fn what_is_older_than_the_log_is_compared_with_the_record() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let middle = pipeline.next;
    for n in 0..60 {
        let id = format!("e{n}");
        pipeline
            .write(vec![change(&id, 1, Some(json!({"n": 1})))], vec![])
            .await;
    }
    pipeline
        .write(vec![change("d5", 2, Some(json!({"n": 2})))], vec![])
        .await;
    pipeline.mark().await;
    let topic = pipeline.ports.changes();
    let admin = &pipeline.log.admin;
    admin.delete_before(&topic, 0, middle).await.unwrap();
    let begins = admin.offsets(&topic, 0).await.unwrap().earliest;
    assert!(begins > 10, "the log still begins at {begins}");

    let report = pipeline.audit().await;
    assert_eq!(named(&report), vec![], "in the middle of a tenure");
    assert!(report.counts.only_compared > 0);
    assert!(report.counts.documents >= 61);
    assert_eq!(report.partitions[0].begins, begins);

    let (old, young) = (
        document_name(&document("d0")),
        document_name(&document("d5")),
    );
    for name in [&old, &young] {
        pipeline.stores.held.lock().viewed.remove(name);
    }
    let report = pipeline.audit().await;
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|one| (one.key.as_str(), one.kind, one.basis))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&("document i/c/d0", DifferenceKind::Lost, Basis::Record)));
    assert!(found.contains(&("document i/c/d5", DifferenceKind::Lost, Basis::Log)));
}

/// While it looks, documents are written, and the records of that are deleted before it has read
/// them: it begins anew with what is kept, and names none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_before_it_is_read_is_not_guessed() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let mut decisions =
        vec![pipeline.decision(vec![change("d5", 2, Some(json!({"n": 2})))], vec![])];
    for n in 0..60 {
        let documents = vec![change(&format!("e{n}"), 1, Some(json!({"n": 1})))];
        decisions.push(pipeline.decision(documents, vec![]));
    }
    let (log, layout, topic) = (
        pipeline.log.clone(),
        pipeline.ports.layout.clone(),
        pipeline.ports.changes(),
    );
    let runtime = tokio::runtime::Handle::current();
    let (mut next, epoch) = (pipeline.next, pipeline.epoch);
    let mut decisions = decisions.into_iter();
    *pipeline.stores.before_read.lock() = Some(Box::new(move |held| {
        let written: Vec<Decision> = decisions.by_ref().collect();
        if written.is_empty() {
            return;
        }
        let wrote = async {
            for mut decision in written {
                decision.at = ChangesOffset::new(next);
                let at = append(&log, &layout, &Change::Decision(decision.clone())).await;
                apply(held, at, &decision);
                next += 1;
            }
            let mark = mark(epoch, next, 0);
            let at = append(&log, &layout, &Change::Mark(mark.clone())).await;
            held.marks.insert(0, Mark { at, ..mark });
            log.admin.delete_before(&topic, 0, next).await.unwrap();
            let begins = log.admin.offsets(&topic, 0).await.unwrap().earliest;
            assert!(begins > next - 30, "the log still begins at {begins}");
        };
        tokio::task::block_in_place(|| runtime.block_on(wrote));
    }));
    let report = pipeline.audit().await;
    assert_eq!(named(&report), vec![]);
    assert!(report.counts.only_compared > 0, "{report:?}");
}

/// Documents that are older than the log are written while they are looked at, more than its memory
/// holds: what falls out of it then is for the next pass, and is not taken for what no record wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_falls_out_of_memory_while_it_is_looked_at_is_not_named() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let middle = pipeline.next;
    for n in 0..60 {
        let young = change(&format!("e{n}"), 1, Some(json!({"n": 1})));
        pipeline.write(vec![young], vec![]).await;
    }
    pipeline.mark().await;
    let topic = pipeline.ports.changes();
    pipeline
        .log
        .admin
        .delete_before(&topic, 0, middle)
        .await
        .unwrap();
    let mut decisions = Vec::new();
    for n in 5..20 {
        let documents = vec![change(&format!("d{n}"), 2, Some(json!({"n": 2})))];
        decisions.push(pipeline.decision(documents, vec![]));
    }
    let (log, layout) = (pipeline.log.clone(), pipeline.ports.layout.clone());
    let runtime = tokio::runtime::Handle::current();
    let (mut next, epoch, mut reads) = (pipeline.next, pipeline.epoch, 0);
    *pipeline.stores.before_read.lock() = Some(Box::new(move |held| {
        reads += 1;
        // The first is that of the mark.
        if reads != 2 {
            return;
        }
        let wrote = async {
            for mut decision in std::mem::take(&mut decisions) {
                decision.at = ChangesOffset::new(next);
                let at = append(&log, &layout, &Change::Decision(decision.clone())).await;
                apply(held, at, &decision);
                next += 1;
            }
            let mark = mark(epoch, next, 0);
            let at = append(&log, &layout, &Change::Mark(mark.clone())).await;
            held.marks.insert(0, Mark { at, ..mark });
        };
        tokio::task::block_in_place(|| runtime.block_on(wrote));
    }));
    let options = AuditOptions {
        memory_bytes: 50 << 10,
        ..AuditOptions::default()
    };
    let report = pipeline.audit_with(options).await;
    assert_eq!(named(&report), vec![]);
    assert!(report.is_complete() && report.is_clean(), "{report:?}");
}
