//! What `/readyz` says of a store that says nothing.

use crate::{
    harness::{App, Builder, told},
    slow_record::{LookUps, SlowRecord},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Waits until the record is in that state.
async fn record_is(app: &App, state: &str) -> Value {
    for _ in 0..300 {
        let (_, _, report) = told(app.get("/readyz")).await;
        if report["components"]["record"]["state"] == state {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was never {state}");
}

#[tokio::test]
async fn a_record_whose_reads_are_stuck_is_not_ready() {
    let reads = Arc::<LookUps>::default();
    let given = reads.clone();
    let app = Builder {
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, given))),
        ..Builder::default()
    }
    .start()
    .await;
    record_is(&app, "ready").await;
    reads.silence(true);
    let report = record_is(&app, "missing").await;
    assert_eq!(report["ready"], false, "{report:#}");
    let why = report["components"]["record"]["why"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("does not answer")),
        "{report:#}"
    );
    // What else it looks after goes on.
    assert_eq!(report["components"]["log"]["state"], "ready", "{report:#}");
}
