//! Kafka is away and gateways have their spools in an object store, served over HTTP, or in
//! Cassandra: a gateway that is killed starts again with nothing but its name, or never again and
//! another ships what it left.

use crate::{
    s3_server::serve_s3,
    spooled::{Acknowledged, COLLECTION, KEYS, document, kills, servers},
};
use anyhow::{Result, ensure};
use serde_json::json;
use system_tests::{client::Client, cluster::Cluster};
use tempfile::TempDir;
use testbed::Server;

/// A store, and what a gateway must know of it.
struct ObjectStore {
    _folder: TempDir,
    address: String,
}

impl ObjectStore {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (address, _running) = serve_s3(folder.path()).await;
        Ok(Self {
            _folder: folder,
            address,
        })
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("CONSIGN_SPOOL_LOCATION", "s3://bucket/spools"),
            ("AWS_ENDPOINT", &self.address),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]
    }
}

/// Nothing was applied twice: that raises a revision once more.
async fn revisions_are(client: &Client, writes: u64) -> Result<()> {
    let mut all = 0;
    for key in 0..KEYS {
        let found = document(client, &format!("key-{key}")).await?;
        all += found["_version"].as_u64().unwrap_or(0);
    }
    ensure!(all == writes, "{all} revisions of {writes} writes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_a_gateway_without_a_disk_lose_reorder_and_double_nothing() -> Result<()> {
    let store = ObjectStore::start().await?;
    kills_change_nothing(store.settings(), "s3://bucket/spools/gateway-0").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_a_gateway_with_its_spool_in_cassandra_lose_reorder_and_double_nothing()
-> Result<()> {
    let settings = vec![("CONSIGN_SPOOL_LOCATION", "cassandra://production")];
    kills_change_nothing(settings, "cassandra://production/gateway-0").await
}

/// A gateway that has nothing but its name is killed again and again while Kafka is away.
async fn kills_change_nothing(mut settings: Vec<(&str, &str)>, place: &str) -> Result<()> {
    let (servers, addresses) = servers()?;
    settings.push(("CONSIGN_SPOOL_NAME", "gateway-0"));
    let mut cluster = Cluster::with_settings(&addresses, 1, 1, &settings).await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;
    let mut acknowledged = Acknowledged::default();
    for key in 0..KEYS {
        ensure!(acknowledged.put(&client, key).await?, "no answer");
    }
    servers.kill9(Server::Kafka)?;
    acknowledged
        .put_through_kills(&mut cluster, &client)
        .await?;
    ensure!(acknowledged.spooled >= kills() * 3 * KEYS, "not spooled");
    for command in ["status", "verify"] {
        let told = cluster.run("gateway-0", &["spool", command])?;
        ensure!(told.contains(place), "{told}");
    }
    let exported = cluster.run("gateway-0", &["spool", "export"])?;
    ensure!(
        exported.lines().count() >= acknowledged.spooled,
        "{exported}"
    );
    servers.start(Server::Kafka)?;
    servers.wait_ready(Server::Kafka)?;
    acknowledged.judge(&client).await?;
    revisions_are(&client, acknowledged.calls).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_left_that_is_gone_with_its_disk_is_shipped_by_another() -> Result<()> {
    let ((servers, addresses), store) = (servers()?, ObjectStore::start().await?);
    let mut cluster = Cluster::with_settings(&addresses, 2, 1, &store.settings()).await?;
    let [dies, stays] = [0, 1].map(|n| Client::new(vec![cluster.gateways()[n].clone()]));
    let (dies, stays) = (dies?, stays?);
    stays.collection(COLLECTION, &json!({})).await?;
    let mut acknowledged = Acknowledged::default();
    for key in 0..KEYS {
        ensure!(acknowledged.put(&dies, key).await?, "no answer");
    }
    servers.kill9(Server::Kafka)?;
    for n in 0..6 * KEYS {
        ensure!(acknowledged.put(&dies, n % KEYS).await?, "no answer");
    }
    ensure!(acknowledged.spooled >= 6 * KEYS, "not spooled");
    cluster.kill9("gateway-0")?;
    servers.start(Server::Kafka)?;
    servers.wait_ready(Server::Kafka)?;
    acknowledged.judge(&stays).await?;
    revisions_are(&stays, acknowledged.calls).await
}
