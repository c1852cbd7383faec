//! Gateways and workers as processes of their own, on real servers that the test kills.

use super::{judge, load};
use anyhow::Result;
use std::time::Duration;
use system_tests::cluster::Cluster;
use testbed::{CommitLogSync, PrivateOptions, Server, Servers};

const LOAD: Duration = Duration::from_secs(180);

/// How long each killed server stays away: longer than sessions, probes and what a client takes for
/// a hiccup.
const AWAY: Duration = Duration::from_secs(20);

async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_and_gateways_come_go_die_and_freeze() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 2).await?;
    let client = cluster.client()?;
    let workload = load(&client).await?;
    workload.progress(100, LOAD).await?;

    cluster.kill9("worker-0")?;
    workload.progress(100, LOAD).await?;
    cluster.restart("worker-0").await?;
    cluster.add_worker(2).await?;
    workload.progress(100, LOAD).await?;
    assert!(
        cluster
            .process("worker-2")?
            .terminate(Duration::from_secs(45))?
            .success()
    );

    // Frozen until its partitions moved (session time-out 10 s), then awake again as a ghost.
    cluster.process("worker-1")?.stop()?;
    pause(Duration::from_secs(15)).await;
    cluster.process("worker-1")?.cont()?;
    workload.progress(100, LOAD).await?;

    cluster.kill9("gateway-0")?;
    workload.progress(100, LOAD).await?;
    cluster.restart("gateway-0").await?;
    assert!(
        cluster
            .process("gateway-1")?
            .terminate(Duration::from_secs(45))?
            .success()
    );
    cluster.restart("gateway-1").await?;
    workload.progress(100, LOAD).await?;
    judge(workload).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_is_killed_and_comes_back() -> Result<()> {
    let servers = Servers::private(&PrivateOptions::default())?;
    let cluster = Cluster::on(servers.addresses(), 1, 2).await?;
    let client = cluster.client()?;
    let workload = load(&client).await?;
    workload.progress(100, LOAD).await?;
    for server in [Server::Elasticsearch, Server::Cassandra, Server::Kafka] {
        servers.kill9(server)?;
        pause(AWAY).await;
        servers.start(server)?;
        servers.wait_ready(server)?;
        workload.progress(100, LOAD).await?;
    }
    judge(workload).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cassandra_that_forgets_what_it_acknowledged_is_told_again() -> Result<()> {
    let servers = Servers::private(&PrivateOptions {
        cassandra_sync: CommitLogSync::Periodic,
        ..PrivateOptions::default()
    })?;
    let cluster = Cluster::on(servers.addresses(), 1, 2).await?;
    let client = cluster.client()?;
    let workload = load(&client).await?;
    for _ in 0..2 {
        workload.progress(300, LOAD).await?;
        servers.kill9(Server::Cassandra)?;
        pause(Duration::from_secs(2)).await;
        servers.start(Server::Cassandra)?;
        servers.wait_ready(Server::Cassandra)?;
        workload.progress(50, LOAD).await?;
    }
    judge(workload).await
}
