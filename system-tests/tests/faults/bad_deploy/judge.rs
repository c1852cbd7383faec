//! What stands in the end, read from the stores themselves and from what subscribers were told.

use super::plan::{Account, Plan};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::collections::HashMap;
use system_tests::{cluster::Cluster, listener::Listener};
use testbed::{Cql, Servers};

/// The accounts as each store holds them.
pub struct Stores {
    cassandra: HashMap<String, Value>,
    rows: HashMap<String, Value>,
    elasticsearch: HashMap<String, Value>,
}

impl Stores {
    pub async fn read(cluster: &Cluster) -> Result<Self> {
        let addresses = Servers::shared().addresses();
        let keyspace = cluster.variable("worker-0", "CONSIGN_CASSANDRA_KEYSPACE")?;
        let mut cql = Cql::connect(&addresses.cassandra)?;
        let mut cassandra = HashMap::new();
        let documents = format!(
            "SELECT JSON id, body, revision FROM {keyspace}.documents \
             WHERE \"index\" = 'bank' AND collection = 'accounts' ALLOW FILTERING"
        );
        for line in cql.run(&documents)? {
            let row: Value = serde_json::from_str(&line)?;
            let body: Value = serde_json::from_str(row["body"].as_str().context("no body")?)?;
            let shown = json!({"body": body, "revision": row["revision"]});
            cassandra.insert(id_of(&row)?, shown);
        }
        let mut rows = HashMap::new();
        for line in cql.run(&format!(
            "SELECT JSON id, cents, last FROM {keyspace}.account_balance"
        ))? {
            let row: Value = serde_json::from_str(&line)?;
            rows.insert(id_of(&row)?, row);
        }
        let prefix = cluster.variable("worker-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
        let indices = format!("{}/{prefix}bank.accounts.*", addresses.elasticsearch_url());
        let http = reqwest::Client::new();
        let refreshed = http.post(format!("{indices}/_refresh")).send().await?;
        ensure!(refreshed.status().is_success(), "{refreshed:?}");
        let query = json!({"size": 10_000, "query": {"match_all": {}}});
        let asked = http.post(format!("{indices}/_search")).json(&query);
        let found: Value = asked.send().await?.json().await?;
        let mut elasticsearch = HashMap::new();
        for hit in found["hits"]["hits"]
            .as_array()
            .with_context(|| found.to_string())?
        {
            let id = hit["_id"].as_str().context("no id")?;
            let source = &hit["_source"];
            let shown = json!({"n": source["n"], "credits": source["credits"]});
            elasticsearch.insert(id.to_owned(), shown);
        }
        Ok(Self {
            cassandra,
            rows,
            elasticsearch,
        })
    }

    /// Every account in each store: its credits in order, each once.
    pub fn judge(&self, plan: &Plan) -> Result<()> {
        for account in &plan.accounts {
            let id = account.id.as_str();
            let expected =
                json!({"body": account.document(), "revision": account.credits.len() + 1});
            let found = self.cassandra.get(id);
            ensure!(
                found == Some(&expected),
                "{id} in Cassandra: {found:?}, not {expected}"
            );
            let (found, expected) = (self.rows.get(id), account.row());
            ensure!(
                found == Some(&expected),
                "{id}'s row: {found:?}, not {expected}"
            );
            let (found, expected) = (self.elasticsearch.get(id), account.document());
            ensure!(
                found == Some(&expected),
                "{id} in Elasticsearch: {found:?}, not {expected}"
            );
        }
        Ok(())
    }

    /// What a dry run foresaw of an account that had nothing behind its dead letter, against what
    /// each store holds afterwards: field by field, and nothing beside that.
    pub fn judge_foreseen(&self, account: &Account, preview: &Value) -> Result<()> {
        let changes = preview["changes"].as_array().context("no changes")?;
        for change in changes {
            let store = change["store"].as_str().unwrap_or_default();
            let is_row = change["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("account_balance"));
            let stored = match (store, is_row) {
                ("elasticsearch", false) => self.elasticsearch.get(&account.id).cloned(),
                ("cassandra", false) => self.cassandra.get(&account.id).map(|d| d["body"].clone()),
                ("cassandra", true) => self.rows.get(&account.id).cloned(),
                _ => None,
            };
            let mut stored = stored.with_context(|| format!("no {change} in the stores"))?;
            if is_row {
                stored.as_object_mut().context("no row")?.remove("id");
            }
            let mut foreseen = serde_json::Map::new();
            for field in change["fields"].as_array().context("no fields")? {
                let name = field["field"].as_str().unwrap_or_default();
                foreseen.insert(
                    name.trim_start_matches('/').to_owned(),
                    field["after"].clone(),
                );
            }
            ensure!(
                stored == Value::Object(foreseen.clone()),
                "{} in {store}: {stored}, and foreseen was {foreseen:?}",
                account.id
            );
        }
        ensure!(changes.len() == 3, "two documents and a row: {preview}");
        Ok(())
    }
}

fn id_of(row: &Value) -> Result<String> {
    Ok(row["id"]
        .as_str()
        .with_context(|| row.to_string())?
        .to_owned())
}

/// The subscriber heard of each account's opening and credits once, in order, over all of its connections.
pub async fn judge_subscriber(plan: &Plan, listener: &Listener) -> Result<()> {
    let mut told: HashMap<String, Vec<u64>> = HashMap::new();
    let sessions = listener.sessions().await;
    for session in &sessions {
        for (id, numbers) in &session.told {
            told.entry(id.clone()).or_default().extend(numbers);
        }
    }
    for account in &plan.accounts {
        let (heard, expected) = (told.get(&account.id), account.heard_balances());
        ensure!(
            heard == Some(&expected),
            "at {}, {} connections: of {} {heard:?}, not {expected:?}",
            listener.gateway,
            sessions.len(),
            account.id
        );
    }
    Ok(())
}

/// How many changes a subscriber has heard of.
pub async fn heard(listener: &Listener) -> u64 {
    let sessions = listener.sessions().await;
    let told = sessions.iter().flat_map(|session| session.told.values());
    told.map(|numbers| numbers.len() as u64).sum()
}
