//! Each damage is named for what it is, in the store that it is in; what is well is not.

use super::pipeline::{Pipeline, apply, change, document, named, put_row, row_key, short};
use crate::{AuditOptions, Basis, DifferenceKind, ItemName};
use change_feed::{document_name, row_name};
use event_schema::{
    decision::{Change, Void, VoidEnd},
    held::REPLAY,
    outcome::{Refusal, RefusalCode, Verdict},
    position::Version,
    replay::Replay,
    to_raw,
};
use serde_json::json;

fn key(id: &str) -> String {
    document_name(&document(id))
}

fn named_one(
    kind: DifferenceKind,
    key: &str,
    store: &str,
) -> Vec<(DifferenceKind, String, String)> {
    vec![(kind, key.to_owned(), store.to_owned())]
}

#[tokio::test]
async fn stores_that_hold_what_the_log_says_are_clean() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let report = pipeline.audit().await;
    assert!(report.is_clean(), "{:?}", named(&report));
    assert!(report.is_complete());
    let counts = report.counts;
    assert_eq!(
        (
            counts.documents,
            counts.rows,
            counts.requests,
            counts.unsettled
        ),
        (20, 20, 24, 0)
    );
    // 19 documents stand in each store; the twentieth is a marker.
    assert_eq!(counts.looked_up, 2 * 19);
}

#[tokio::test]
async fn documents_of_the_record() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let removed = pipeline.stores.held.lock().documents.remove(&key("d3"));
    let lost = pipeline.findings().await;
    assert_eq!(
        lost,
        named_one(DifferenceKind::Lost, "document i/c/d3", "record")
    );
    let removed = removed.unwrap();
    let plant = |version: Version, body: serde_json::Value| {
        let mut planted = removed.clone();
        planted.1.meta.version = version;
        planted.1.body = Some(to_raw(&body));
        pipeline
            .stores
            .held
            .lock()
            .documents
            .insert(key("d3"), planted);
    };
    let right = removed.1.meta.version;
    plant(Version(right.0 - 1), json!({"n": 2}));
    let stale = pipeline.findings().await;
    assert_eq!(
        stale,
        named_one(DifferenceKind::Stale, "document i/c/d3", "record")
    );
    plant(Version(right.0 + 1), json!({"n": 2}));
    let newer = pipeline.findings().await;
    assert_eq!(
        newer,
        named_one(DifferenceKind::Extra, "document i/c/d3", "record")
    );
    plant(right, json!({"n": 3}));
    let report = pipeline.audit().await;
    let diverged = named_one(DifferenceKind::Diverged, "document i/c/d3", "record");
    assert_eq!(named(&report), diverged);
    let finding = &report.findings[0];
    assert_eq!(finding.request, Some(removed.1.meta.request));
    assert_eq!(finding.expected.as_ref().unwrap().version, Some(right));
    assert_eq!(finding.basis, Basis::Log);
    plant(right, json!({"n": 2}));
    assert_eq!(pipeline.findings().await, vec![]);
}

#[tokio::test]
async fn documents_that_no_record_wrote() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    {
        let mut held = pipeline.stores.held.lock();
        let (_, stored) = held.documents[&key("d0")].clone();
        let (_, viewed) = held.viewed[&key("d0")].clone();
        held.documents
            .insert(key("stranger"), (document("stranger"), stored));
        held.viewed
            .insert(key("guest"), (document("guest"), viewed));
    }
    let expected = [
        (DifferenceKind::Extra, "document i/c/guest", "view"),
        (DifferenceKind::Extra, "document i/c/stranger", "record"),
    ];
    let expected = expected.map(|(kind, key, store)| (kind, key.to_owned(), store.to_owned()));
    assert_eq!(pipeline.findings().await, expected);
}

#[tokio::test]
async fn documents_of_the_view() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let (_, right) = pipeline.stores.held.lock().viewed[&key("d3")].clone();
    let plant = |viewed: Option<store::view::ViewedDocument>| {
        let mut held = pipeline.stores.held.lock();
        match viewed {
            Some(viewed) => drop(held.viewed.insert(key("d3"), (document("d3"), viewed))),
            None => drop(held.viewed.remove(&key("d3"))),
        }
    };
    let with = |edit: fn(&mut store::view::ViewedDocument)| {
        let mut viewed = right.clone();
        edit(&mut viewed);
        Some(viewed)
    };
    let cases = [
        (None, DifferenceKind::Lost),
        (
            with(|one| one.version = Some(Version(1 << 44 | 1))),
            DifferenceKind::Stale,
        ),
        (
            with(|one| one.version = Some(Version(1 << 44 | 900))),
            DifferenceKind::Extra,
        ),
        (with(|one| one.version = None), DifferenceKind::Diverged),
        (
            with(|one| one.body = Some(to_raw(&json!({})))),
            DifferenceKind::Diverged,
        ),
    ];
    for (planted, kind) in cases {
        plant(planted);
        let found = pipeline.findings().await;
        assert_eq!(found, named_one(kind, "document i/c/d3", "view"));
    }
}

/// A void restores a state that the view refuses: its marker says so.
#[tokio::test]
async fn a_marker_of_what_a_view_refused_is_named_diverged() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let decision = pipeline
        .accepted(vec![change("d7", 2, Some(json!({"n": 2})))], vec![])
        .await;
    let at = pipeline.append(&Change::Decision(decision.clone())).await;
    let void = Void {
        epoch: pipeline.epoch,
        at: at.next(),
        key: decision.key.clone(),
        request: decision.request,
        operation: decision.operation.clone(),
        principal: decision.principal.clone(),
        position: decision.position,
        decision: at,
        ends: VoidEnd::Refused(Refusal {
            code: RefusalCode::Unmappable,
            message: "no".into(),
            rule: None,
            pointer: None,
        }),
        documents: vec![change("d7", 3, Some(json!({"n": 1})))],
        rows: Vec::new(),
        event: None,
        silent: false,
        by: None,
        relaxed: false,
        claim: None,
        time: 0,
        accepted: 0,
        reply: None,
    };
    let at = pipeline.append(&Change::Void(void.clone())).await;
    super::pipeline::apply_void(&mut pipeline.stores.held.lock(), at, &void);
    pipeline.mark().await;
    assert_eq!(pipeline.findings().await, vec![], "a void that was taken");
    {
        let mut held = pipeline.stores.held.lock();
        let (_, viewed) = held.viewed.get_mut(&key("d7")).unwrap();
        (viewed.body, viewed.diverged) = (None, true);
    }
    let found = pipeline.findings().await;
    assert_eq!(
        found,
        named_one(DifferenceKind::Diverged, "document i/c/d7", "view")
    );
}

#[tokio::test]
async fn rows_and_what_is_half_applied() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let row = row_name(&row_key(6));
    // Its decision wrote a document, too, and that stands.
    let cells = pipeline.stores.held.lock().rows.remove(&row).unwrap();
    let half = pipeline.findings().await;
    assert_eq!(
        half,
        named_one(DifferenceKind::HalfApplied, "row members/6", "record")
    );
    let mut other = cells.clone();
    other.insert("name".into(), "b".into());
    pipeline.stores.held.lock().rows.insert(row.clone(), other);
    let diverged = pipeline.findings().await;
    assert_eq!(
        diverged,
        named_one(DifferenceKind::Diverged, "row members/6", "record")
    );
    pipeline.stores.held.lock().rows.insert(row, cells);
    // Alone in its decision: lost, not half of it.
    pipeline
        .stores
        .held
        .lock()
        .rows
        .remove(&row_name(&row_key(5)));
    let lost = pipeline.findings().await;
    assert_eq!(
        lost,
        named_one(DifferenceKind::Lost, "row members/5", "record")
    );
    let mut gone = put_row(5, json!({}));
    gone.action = event_schema::mutation::RowAction::Remove;
    pipeline.write(vec![], vec![gone]).await;
    pipeline.mark().await;
    assert_eq!(
        pipeline.findings().await,
        vec![],
        "it is gone by decision now"
    );
    let back = super::pipeline::cells(json!({"name": "a"}));
    pipeline
        .stores
        .held
        .lock()
        .rows
        .insert(row_name(&row_key(5)), back);
    let extra = pipeline.findings().await;
    assert_eq!(
        extra,
        named_one(DifferenceKind::Extra, "row members/5", "record")
    );
}

#[tokio::test]
async fn entries_of_the_ledger() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let request = pipeline.stores.held.lock().documents[&key("d9")]
        .1
        .meta
        .request;
    let name = format!("ledger entry {request}");
    let entry = pipeline.stores.held.lock().ledger.remove(&request).unwrap();
    assert_eq!(
        pipeline.findings().await,
        named_one(DifferenceKind::Lost, &name, "record")
    );
    let mut other = entry.clone();
    other.verdict = Verdict::Refused(Refusal {
        code: RefusalCode::Exists,
        message: String::new(),
        rule: None,
        pointer: None,
    });
    pipeline.stores.held.lock().ledger.insert(request, other);
    assert_eq!(
        pipeline.findings().await,
        named_one(DifferenceKind::Diverged, &name, "record")
    );
}

/// A replay has an entry of its own, under the intent that asked for it.
#[tokio::test]
async fn entries_of_intents() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let intent = pipeline.accepted(vec![], vec![]).await;
    let mut replayed = pipeline
        .accepted(vec![change("e1", 1, Some(json!({"n": 1})))], vec![])
        .await;
    replayed.by = Some(Replay {
        position: intent.position,
        request: intent.request,
        operation: REPLAY.into(),
        principal: "p".into(),
        reason: None,
        job: None,
        accepted: 0,
        reply: None,
    });
    let at = pipeline.append(&Change::Decision(replayed.clone())).await;
    apply(&mut pipeline.stores.held.lock(), at, &replayed);
    pipeline.mark().await;
    let name = format!("ledger entry {}", intent.request);
    let lost = named_one(DifferenceKind::Lost, &name, "record");
    assert_eq!(pipeline.findings().await, lost);
    {
        let mut held = pipeline.stores.held.lock();
        let mut entry = held.ledger[&replayed.request].clone();
        (entry.request, entry.position) = (intent.request, intent.position);
        held.ledger.insert(intent.request, entry);
    }
    assert_eq!(pipeline.findings().await, vec![]);
}

#[test]
fn what_is_found_again_is_counted_once() {
    let one = json!({
        "kind": "lost", "item": "mark", "mark": 3, "partition": 3, "key": "k",
        "store": "record", "expected": null, "found": null, "basis": "log", "detail": "",
    });
    let one: crate::AuditFinding = serde_json::from_value(one).unwrap();
    let finding = |n: u64| crate::AuditFinding {
        key: n.to_string(),
        ..one.clone()
    };
    let mut report = crate::AuditReport::default();
    for _ in 0..2 {
        report.add((0..10_010).map(finding).collect());
    }
    assert_eq!((report.findings.len(), report.more_findings), (10_000, 10));
    // A checkpoint is read as it was written.
    let text = serde_json::to_string(&report).unwrap();
    let read: crate::AuditReport = serde_json::from_str(&text).unwrap();
    assert_eq!(read.findings, report.findings);
}

#[tokio::test]
async fn a_mark_of_another_log() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    let other = super::pipeline::mark(pipeline.epoch, 5_000, 4_000);
    pipeline.stores.held.lock().marks.insert(0, other);
    let found = pipeline.findings().await;
    assert_eq!(
        found,
        named_one(DifferenceKind::Extra, "mark of partition 0", "record")
    );
}

#[tokio::test]
async fn a_dropped_collection_is_not_looked_at() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    {
        let mut held = pipeline.stores.held.lock();
        held.documents.clear();
        held.viewed.clear();
        held.collections.clear();
    }
    assert_eq!(pipeline.findings().await, vec![]);
}

/// However little memory there is, and wherever an audit goes on: the same is found, once.
#[tokio::test]
async fn little_memory_and_a_resumed_audit_find_the_same() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    {
        let mut held = pipeline.stores.held.lock();
        held.documents.remove(&key("d1"));
        held.viewed.remove(&key("d2"));
        let (_, stored) = held.documents[&key("d0")].clone();
        for stranger in ["s1", "s2", "s3"] {
            let planted = (document(stranger), stored.clone());
            held.documents.insert(key(stranger), planted);
        }
        held.rows.remove(&row_name(&row_key(8)));
    }
    let whole = named(&pipeline.audit().await);
    assert_eq!(whole.len(), 6, "{whole:?}");
    let tight = AuditOptions {
        memory_bytes: 8_000,
        batch: 3,
        ..short()
    };
    let seen = std::sync::Mutex::new(Vec::new());
    let observe = |_, report: &crate::AuditReport| seen.lock().unwrap().push(report.clone());
    let report = crate::run_audit(&pipeline.ports, tight.clone(), &observe).await;
    let report = report.unwrap();
    assert_eq!(named(&report), whole);
    assert_eq!(report.counts.documents, 20, "each is compared once");
    let seen = seen.into_inner().unwrap();
    let passes: std::collections::BTreeSet<_> = seen.iter().map(|one| one.next).collect();
    assert!(passes.len() > 3, "one pass only: {passes:?}");
    for checkpoint in seen {
        let text = serde_json::to_string(&checkpoint).unwrap();
        let resumed = AuditOptions {
            resume: Some(serde_json::from_str(&text).unwrap()),
            ..short()
        };
        assert_eq!(named(&pipeline.audit_with(resumed).await), whole);
    }
}

#[tokio::test]
async fn a_sample_is_a_part_of_all() {
    let mut pipeline = Pipeline::new().await;
    pipeline.fill().await;
    pipeline.stores.held.lock().documents.clear();
    let all = pipeline.audit().await;
    let sample = AuditOptions {
        sample: 4,
        ..short()
    };
    let sampled = pipeline.audit_with(sample).await;
    let (some, whole) = (named(&sampled), named(&all));
    assert!(!some.is_empty() && some.len() < whole.len() / 2, "{some:?}");
    assert!(some.iter().all(|one| whole.contains(one)));
    assert!(matches!(all.findings[0].item, ItemName::Document { .. }));
}
