//! The unmodified `kuzzle-sdk` over its WebSocket and Http classes: every call and every
//! notification checked, a gateway killed on the way.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use anyhow::Result;
use system_tests::{cluster::Cluster, node::Summary, sdk};
use testbed::Servers;

/// Fewer checks would mean that the script lost some, or the suite of a closed deployment.
const AT_LEAST: u64 = 300;

fn judge(summary: Summary) {
    assert_eq!(
        summary.failed, 0,
        "{summary:?}: the failed ones are named above"
    );
    assert!(summary.checks >= AT_LEAST, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_on_the_embedded_default() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    judge(sdk::run(&mut cluster).await?);
    Ok(())
}

/// Users, sessions, keys, roles and profiles, from the first administrator on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_on_a_closed_deployment() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    judge(sdk::run_suites(&mut cluster, &["security"]).await?);
    Ok(())
}

/// Clients of different gateways meet in the same rooms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_on_real_servers_with_two_notifiers() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 2).await?;
    for n in 0..2 {
        cluster.add_notifier(n).await?;
    }
    judge(sdk::run(&mut cluster).await?);
    Ok(())
}
