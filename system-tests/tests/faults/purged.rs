//! Deletion markers on real servers: they stay while a worker may apply again what it had decided,
//! then they go from Cassandra and Elasticsearch, and neither a worker that wakes nor one that takes
//! the partitions again brings back what they stood for.

use super::{judge, load};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use system_tests::{client::Client, cluster::Cluster};
use testbed::{Cql, Servers};
use tokio::time::sleep;

const LOAD: Duration = Duration::from_secs(180);
const DOCUMENTS: usize = 24;
/// Of the workers.
const WINDOW: Duration = Duration::from_secs(20);

async fn write(client: &Client, operation: &str, n: usize) -> Result<()> {
    let mut body = json!({"index": "faults", "collection": "purged", "_id": format!("p{n}")});
    if operation == "document.create" {
        body["body"] = json!({ "n": n });
    }
    let (status, answer) = client.write(operation, &body, 60).await?;
    ensure!(status.is_success(), "{status} {answer}");
    Ok(())
}

fn purge(cluster: &Cluster) -> Result<Value> {
    let arguments = [
        "purge",
        "markers",
        "--json",
        "--yes",
        "--older-than",
        "0s",
        "--index",
        "faults",
        "--collection",
        "purged",
    ];
    let url = &cluster.gateways()[0];
    let (code, text) = cluster.output("gateway-0", &[&arguments[..], &["--url", url]].concat())?;
    ensure!(code == 0, "{text}");
    serde_json::from_str(&text).with_context(|| text)
}

/// Rows of the collection in Cassandra, and what Elasticsearch has of it, markers included.
async fn held(cluster: &Cluster) -> Result<(usize, u64)> {
    let addresses = Servers::shared().addresses();
    let keyspace = cluster.variable("gateway-0", "CONSIGN_CASSANDRA_KEYSPACE")?;
    let statement = format!(
        "SELECT JSON id FROM {keyspace}.documents WHERE collection = 'purged' ALLOW FILTERING"
    );
    let rows = Cql::connect(&addresses.cassandra)?.run(&statement)?.len();
    let prefix = cluster.variable("gateway-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
    let index = format!("http://{}/{prefix}faults.purged.*", addresses.elasticsearch);
    let http = reqwest::Client::new();
    http.post(format!("{index}/_refresh")).send().await?;
    let counted: Value = http
        .get(format!("{index}/_count"))
        .send()
        .await?
        .json()
        .await?;
    let documents = counted["count"].as_u64();
    Ok((rows, documents.with_context(|| counted.to_string())?))
}

fn audit(cluster: &Cluster) -> Result<()> {
    let (code, told) = cluster.output("gateway-0", &["audit", "--json"])?;
    ensure!(code == 0, "the audit found something: {told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purged_markers_leave_nothing_that_a_late_worker_could_bring_back() -> Result<()> {
    let window = WINDOW.as_millis().to_string();
    let settings = [
        ("CONSIGN_WORKER_MARKERS_KEPT_MS", "0"),
        ("CONSIGN_WORKER_REAPPLY_WINDOW_MS", &*window),
    ];
    let addresses = Servers::shared().addresses();
    let mut cluster = Cluster::with_settings(addresses, 1, 2, &settings).await?;
    let client = cluster.client()?;
    client.collection("faults/purged", &json!({})).await?;
    let workload = load(&client).await?;
    workload.progress(60, LOAD).await?;
    for n in 0..DOCUMENTS {
        write(&client, "document.create", n).await?;
    }
    // Half of what it decided is deleted by whoever takes its partitions.
    cluster.process("worker-1")?.stop()?;
    for n in 0..DOCUMENTS {
        write(&client, "document.delete", n).await?;
    }
    let early = purge(&cluster)?;
    // On a slow machine the first were deleted longer ago than the window reaches.
    let mut purged = early["purged"].as_u64().context("no count")?;
    ensure!(
        purged < DOCUMENTS as u64,
        "none lies in the window: {early}"
    );
    let why = early["left"].as_object().context("no reasons")?;
    ensure!(
        why.keys().eq(["a worker may still apply it again"]),
        "{early}"
    );
    let left = DOCUMENTS as u64 - purged;
    assert_eq!(held(&cluster).await?, (left as usize, left));

    let began = Instant::now();
    while purged < DOCUMENTS as u64 {
        ensure!(began.elapsed() < LOAD, "{purged} of {DOCUMENTS} purged");
        sleep(Duration::from_secs(2)).await;
        purged += purge(&cluster)?["purged"].as_u64().context("no count")?;
    }
    ensure!(began.elapsed() >= WINDOW / 2, "they went within the window");
    assert_eq!(held(&cluster).await?, (0, 0));

    cluster.process("worker-1")?.cont()?;
    workload.progress(100, LOAD).await?;
    for worker in ["worker-0", "worker-1"] {
        cluster.kill9(worker)?;
        cluster.restart(worker).await?;
        workload.progress(60, LOAD).await?;
        assert_eq!(held(&cluster).await?, (0, 0), "after {worker}");
    }
    judge(workload).await?;
    audit(&cluster)?;
    write(&client, "document.create", 0).await?;
    assert_eq!(held(&cluster).await?, (1, 1));
    audit(&cluster)
}
