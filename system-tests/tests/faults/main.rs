//! Faults under load, judged by the history checker: every acknowledged write applied once, each
//! key's order kept, no document back from the dead, verdicts never changed.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod audit;
mod bad_deploy;
mod claims;
mod embedded;
mod held;
mod listening;
mod outage;
mod power;
mod purged;
mod refusals;
mod renames;
mod revoked;
#[path = "../../../crates/spool-objects/tests/it/s3_server.rs"]
mod s3_server;
mod secured;
mod spooled;
mod spooled_objects;
mod storm;
mod torture;
mod trio;

use anyhow::{Result, ensure};
use std::{sync::Arc, time::Duration};
use system_tests::{
    checker,
    client::Client,
    history::History,
    workload::{Options, Workload},
};

const COLLECTION: &str = "faults/documents";

/// Sets clients to work on a fresh collection.
async fn load(client: &Arc<Client>) -> Result<Workload> {
    client
        .collection(COLLECTION, &serde_json::json!({}))
        .await?;
    Ok(Workload::start(client, Options::new(COLLECTION)))
}

/// Ends the load and judges it.
async fn judge(workload: Workload) -> Result<()> {
    let history: History = workload.finish(Duration::from_secs(240)).await?;
    let faults = checker::check(&history);
    eprintln!(
        "{} writes, {} looks, {} reads by token: {} faults",
        history.writes.len(),
        history.looks.len(),
        history.reads.len(),
        faults.len()
    );
    let first: Vec<String> = faults.iter().take(10).map(ToString::to_string).collect();
    ensure!(
        faults.is_empty(),
        "{} faults, the first:\n{}",
        faults.len(),
        first.join("\n")
    );
    ensure!(
        history.writes.len() > 100,
        "only {} writes: no load",
        history.writes.len()
    );
    Ok(())
}
