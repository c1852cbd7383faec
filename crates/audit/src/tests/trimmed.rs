//! A log that begins behind what the stores hold: what is older can only be compared between record
//! and view, and that is said.

use super::pipeline::{Pipeline, change, document, named};
use crate::{Basis, DifferenceKind};
use change_feed::document_name;
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
