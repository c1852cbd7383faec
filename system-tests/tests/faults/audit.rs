//! The audit on real servers: clean under load and after a worker was killed, and then each damage
//! planted by hand is named in the store that it is in.

use super::{COLLECTION, load};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use system_tests::{client::Client, cluster::Cluster};
use testbed::{Cql, Servers};

const LOAD: Duration = Duration::from_secs(180);

/// Exit code, and kind, key and store of every finding.
fn audit(cluster: &Cluster) -> Result<(i32, Vec<[String; 3]>)> {
    let (code, text) = cluster.output("gateway-0", &["audit", "--json"])?;
    let report: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    let findings = report["findings"].as_array().context("no findings")?;
    let of = |finding: &Value| {
        ["kind", "key", "store"].map(|name| finding[name].as_str().unwrap_or("?").to_owned())
    };
    let mut found: Vec<_> = findings.iter().map(of).collect();
    found.sort();
    Ok((code, found))
}

async fn write(client: &Client, operation: &str, id: &str, n: u64) -> Result<()> {
    let body = json!({"index": "faults", "collection": "audited", "_id": id, "body": {"n": n}});
    let (status, answer) = client.write(operation, &body, 20).await?;
    ensure!(status.is_success(), "{status} {answer}");
    Ok(())
}

/// A place with a row and a document; its id.
async fn location(client: &Client) -> Result<String> {
    let request = json!({"request": {"name": "Kerala", "code": "32", "type": "state"}});
    let response = client
        .at(Method::POST, "/v1/location/create")
        .json(&request)
        .send()
        .await?;
    let answer: Value = response.json().await?;
    let id = answer["result"]["id"].as_str();
    Ok(id.with_context(|| answer.to_string())?.to_owned())
}

struct Hands {
    cql: Cql,
    keyspace: String,
    http: reqwest::Client,
    elasticsearch: String,
    index: String,
}

impl Hands {
    async fn new(cluster: &Cluster) -> Result<Self> {
        let addresses = Servers::shared().addresses();
        let elasticsearch = format!("http://{}", addresses.elasticsearch);
        let prefix = cluster.variable("gateway-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
        let http = reqwest::Client::new();
        let aliases = format!("{elasticsearch}/_alias/{prefix}faults.audited.*");
        let found: Value = http.get(aliases).send().await?.json().await?;
        let index = found.as_object().and_then(|found| found.keys().next());
        Ok(Self {
            cql: Cql::connect(&addresses.cassandra)?,
            keyspace: cluster.variable("gateway-0", "CONSIGN_CASSANDRA_KEYSPACE")?,
            index: index.with_context(|| found.to_string())?.clone(),
            http,
            elasticsearch,
        })
    }

    /// A document's row as JSON, with the time of its write.
    fn row(&mut self, id: &str) -> Result<Value> {
        let statement = format!(
            "SELECT JSON \"index\", collection, incarnation, id, version, request, WRITETIME(body) AS at \
             FROM {}.documents WHERE id = '{id}' ALLOW FILTERING",
            self.keyspace
        );
        let rows = self.cql.run(&statement)?;
        let row = rows.first().with_context(|| format!("no row of {id}"))?;
        Ok(serde_json::from_str(row)?)
    }

    fn at(row: &Value) -> String {
        let of = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        format!(
            "\"index\" = '{}' AND collection = '{}' AND incarnation = '{}' AND id = '{}'",
            of("index"),
            of("collection"),
            of("incarnation"),
            of("id")
        )
    }

    fn cassandra(&mut self, location: &str) -> Result<()> {
        let keyspace = self.keyspace.clone();
        let lost = self.row("lost")?;
        let statement = format!(
            "DELETE FROM {keyspace}.documents USING TIMESTAMP {} WHERE {}",
            lost["at"],
            Self::at(&lost)
        );
        self.cql.run(&statement)?;
        let changed = self.row("changed")?;
        let later = changed["at"].as_i64().context("no time")? + 1;
        let statement = format!(
            "UPDATE {keyspace}.documents USING TIMESTAMP {later} SET body = '{{\"n\":99}}' WHERE {}",
            Self::at(&changed)
        );
        self.cql.run(&statement)?;
        let well = self.row("well")?;
        let statement = format!(
            "INSERT INTO {keyspace}.documents (\"index\", collection, incarnation, id, body, version, position, revision, request, deleted) \
             VALUES ('faults', 'audited', '{}', 'stranger', '{{}}', {}, (1, 0, 0), 1, '{}', false)",
            well["incarnation"].as_str().context("no incarnation")?,
            well["version"],
            well["request"].as_str().context("no request")?
        );
        self.cql.run(&statement)?;
        let at = format!(
            "SELECT JSON WRITETIME(name) AS at FROM {keyspace}.location WHERE id = '{location}'"
        );
        let rows = self.cql.run(&at)?;
        let row: Value = serde_json::from_str(rows.first().context("no row of the location")?)?;
        let statement = format!(
            "DELETE FROM {keyspace}.location USING TIMESTAMP {} WHERE id = '{location}'",
            row["at"]
        );
        self.cql.run(&statement).map(drop)
    }

    async fn source(&self, id: &str) -> Result<Value> {
        let url = format!("{}/{}/_doc/{id}", self.elasticsearch, self.index);
        let mut found: Value = self.http.get(url).send().await?.json().await?;
        Ok(found["_source"].take())
    }

    async fn elasticsearch(&self, behind: &Value) -> Result<()> {
        let at = |id: &str| format!("{}/{}/_doc/{id}", self.elasticsearch, self.index);
        let gone = self.http.delete(at("unseen")).send().await?;
        ensure!(gone.status().is_success(), "{gone:?}");
        for (id, body) in [("guest", &json!({"n": 1})), ("behind", behind)] {
            let put = self.http.put(at(id)).json(body).send().await?;
            ensure!(put.status().is_success(), "{put:?}");
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_is_clean_under_load_and_names_each_damage() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 1, 1).await?;
    let client = cluster.client()?;
    client.collection("faults/audited", &json!({})).await?;
    for id in ["lost", "changed", "well", "unseen", "behind"] {
        write(&client, "document.create", id, 1).await?;
    }
    let place = location(&client).await?;
    let hands = Hands::new(&cluster).await?;
    let behind = hands.source("behind").await?;
    write(&client, "document.createOrReplace", "behind", 2).await?;

    let workload = load(&client).await?;
    workload.progress(60, LOAD).await?;
    cluster.kill9("worker-0")?;
    cluster.restart("worker-0").await?;
    workload.progress(60, LOAD).await?;
    assert_eq!(audit(&cluster)?, (0, vec![]), "under load");
    super::judge(workload).await?;
    assert_eq!(audit(&cluster)?, (0, vec![]), "at rest");

    let mut hands = hands;
    hands.cassandra(&place)?;
    hands.elasticsearch(&behind).await?;
    let expected = [
        ["diverged", "document faults/audited/changed", "cassandra"],
        ["extra", "document faults/audited/guest", "elasticsearch"],
        ["extra", "document faults/audited/stranger", "cassandra"],
        [
            "half_applied",
            &format!("row location/\"{place}\""),
            "cassandra",
        ],
        ["lost", "document faults/audited/lost", "cassandra"],
        ["lost", "document faults/audited/unseen", "elasticsearch"],
        ["stale", "document faults/audited/behind", "elasticsearch"],
    ];
    let expected = expected.map(|finding| finding.map(str::to_owned)).to_vec();
    assert_eq!(audit(&cluster)?, (1, expected));
    ensure!(COLLECTION != "faults/audited", "the load has its own");
    Ok(())
}
