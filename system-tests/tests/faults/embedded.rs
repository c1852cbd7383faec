//! The embedded default: the one process is all there is to kill.

use super::{judge, load};
use anyhow::Result;
use std::time::Duration;
use system_tests::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_again_and_again() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let client = cluster.client()?;
    let workload = load(&client).await?;
    for _ in 0..5 {
        workload.progress(150, Duration::from_secs(60)).await?;
        cluster.kill9("dev")?;
        cluster.restart("dev").await?;
    }
    workload.progress(100, Duration::from_secs(60)).await?;
    judge(workload).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let client = cluster.client()?;
    let workload = load(&client).await?;
    for _ in 0..2 {
        workload.progress(150, Duration::from_secs(60)).await?;
        let status = cluster.process("dev")?.terminate(Duration::from_secs(45))?;
        assert!(status.success(), "{status}");
        cluster.restart("dev").await?;
    }
    judge(workload).await
}
