//! Kafka is away and gateways have a spool: writes are taken all along, gateways are killed and
//! started again meanwhile, and everything that was acknowledged is applied once, in its order.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env,
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster, history::Status};
use testbed::{Addresses, PrivateOptions, Server, Servers};

pub const COLLECTION: &str = "spooled/documents";
pub const KEYS: usize = 8;
const SPOOL: [(&str, &str); 2] = [
    ("CONSIGN_SPOOL_FOLDER", "spool"),
    ("CONSIGN_SPOOL_RESERVE_BYTES", "0"),
];
/// Until everything must be applied.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a gateway is killed; `CONSIGN_TEST_SPOOL_KILLS` for more.
pub fn kills() -> usize {
    let asked = env::var("CONSIGN_TEST_SPOOL_KILLS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// A broker of our own, beside the stores that all tests share.
pub fn servers() -> Result<(Servers, Addresses)> {
    let servers = Servers::private(&PrivateOptions {
        servers: vec![Server::Kafka],
        ..PrivateOptions::default()
    })?;
    let addresses = Addresses {
        kafka: servers.addresses().kafka.clone(),
        ..Servers::shared().addresses().clone()
    };
    Ok((servers, addresses))
}

/// What was acknowledged, by key, in the order of the calls.
#[derive(Default)]
pub struct Acknowledged {
    by_key: BTreeMap<usize, Vec<(String, u64)>>,
    pub calls: u64,
    pub spooled: usize,
}

impl Acknowledged {
    /// Writes while Kafka is away, to a gateway that is killed after each round: all of them are taken.
    pub async fn put_through_kills(
        &mut self,
        cluster: &mut Cluster,
        client: &Client,
    ) -> Result<()> {
        for kill in 0..kills() {
            let before = self.count();
            for n in 0..3 * KEYS {
                self.put(client, n % KEYS).await?;
            }
            ensure!(
                self.count() >= before + 3 * KEYS,
                "round {kill}: not all were taken"
            );
            cluster.kill9("gateway-0")?;
            cluster.restart("gateway-0").await?;
        }
        Ok(())
    }

    /// Replaces the document of a key; false: nobody answered.
    pub async fn put(&mut self, client: &Client, key: usize) -> Result<bool> {
        self.calls += 1;
        let n = self.calls;
        let body = json!({"index": "spooled", "collection": "documents",
            "_id": format!("key-{key}"), "body": {"n": n}});
        let call = client
            .at(Method::POST, "/v1/operations/document.createOrReplace")
            .timeout(Duration::from_secs(20))
            .json(&body);
        let Ok(answer) = call.send().await else {
            return Ok(false);
        };
        let status = answer.status();
        let Ok(json) = answer.json::<Value>().await else {
            return Ok(false);
        };
        ensure!(status.as_u16() == 202, "{status} {json}");
        if json["durability"] == "spooled" {
            ensure!(json["order"] == "on_arrival", "{json}");
            self.spooled += 1;
        }
        let request = json["request_id"].as_str().context("no id")?.to_owned();
        self.by_key.entry(key).or_default().push((request, n));
        Ok(true)
    }

    /// Each is applied; those of a key have rising places and revisions; nothing stands twice.
    pub async fn judge(&self, client: &Client) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for (key, writes) in &self.by_key {
            let (mut place, mut revision) = (None, 0);
            for (request, n) in writes {
                let seen = loop {
                    match client.look(request).await {
                        Some(seen) if seen.status == Status::Applied => break seen,
                        seen => ensure!(
                            Instant::now() < deadline,
                            "write {n} of key {key}, {request}: {seen:?}"
                        ),
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                };
                ensure!(
                    place < seen.position,
                    "write {n} of key {key} was overtaken"
                );
                place = seen.position;
                let found = seen.body["result"]["_version"].as_u64().unwrap_or(0);
                ensure!(found > revision, "write {n} of key {key}: {}", seen.body);
                revision = found;
            }
            let id = format!("key-{key}");
            let found = document(client, &id).await?;
            let last = writes.last().map_or(0, |(_, n)| *n);
            let n = found["_source"]["n"].as_u64().unwrap_or(0);
            ensure!(
                n >= last,
                "{id} holds {n}, behind it {last} was acknowledged"
            );
        }
        Ok(())
    }

    pub fn count(&self) -> usize {
        self.by_key.values().map(Vec::len).sum()
    }
}

pub async fn document(client: &Client, id: &str) -> Result<Value> {
    let path = format!("/v1/documents/{COLLECTION}/{id}");
    let answer = client.at(Method::GET, &path).send().await?;
    ensure!(answer.status().is_success(), "{id}: {}", answer.status());
    Ok(answer.json().await?)
}

/// `consign spool ship` with the settings of the gateway; what it says of the one spool.
fn ship(cluster: &Cluster, further: &[&str]) -> Result<Value> {
    let arguments = [&["spool", "ship", "--json"], further].concat();
    let text = cluster.run("gateway-0", &arguments)?;
    let mut spools = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let spools = spools.next().context("no answer")??;
    Ok(spools[0].clone())
}

/// Kafka comes back while the gateway is frozen: `consign spool ship` ships what it holds from a copy,
/// and it ships all of it once more when it wakes.
fn ship_beside_a_frozen_gateway(cluster: &mut Cluster, servers: &Servers) -> Result<()> {
    cluster.process("gateway-0")?.stop()?;
    servers.start(Server::Kafka)?;
    servers.wait_ready(Server::Kafka)?;
    let left = ship(cluster, &[])?;
    ensure!(left["skipped"] == true, "{left}");
    let shipped = ship(cluster, &["--held"])?;
    let all = (kills() * 3 * KEYS) as u64;
    ensure!(shipped["records"].as_u64() >= Some(all), "{shipped}");
    cluster.process("gateway-0")?.cont()
}

/// A gateway starts, takes writes, is killed with -9 and starts again, all while Kafka is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_kafka_is_away_lose_reorder_and_double_nothing() -> Result<()> {
    let (servers, addresses) = servers()?;
    let mut cluster = Cluster::with_settings(&addresses, 1, 1, &SPOOL).await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;
    let mut acknowledged = Acknowledged::default();
    for key in 0..KEYS {
        ensure!(acknowledged.put(&client, key).await?, "no answer");
    }
    ensure!(
        acknowledged.spooled == 0,
        "something was spooled beside a log that is there"
    );
    servers.kill9(Server::Kafka)?;
    acknowledged
        .put_through_kills(&mut cluster, &client)
        .await?;
    let queued = acknowledged.by_key[&0]
        .last()
        .context("no write")?
        .0
        .clone();
    let seen = client.look(&queued).await.context("no status")?;
    ensure!(seen.status == Status::Queued, "{seen:?}");
    ship_beside_a_frozen_gateway(&mut cluster, &servers)?;
    acknowledged.judge(&client).await?;
    eprintln!(
        "{} acknowledged, {} of them spooled, {} kills",
        acknowledged.count(),
        acknowledged.spooled,
        kills()
    );
    let revisions: u64 = acknowledged.calls;
    let mut all = 0;
    for key in 0..KEYS {
        let found = document(&client, &format!("key-{key}")).await?;
        all += found["_version"].as_u64().unwrap_or(0);
    }
    // Every call was answered, so each is applied once: one that was applied twice raises a
    // revision once more.
    ensure!(all == revisions, "{all} revisions of {revisions} writes");
    Ok(())
}
