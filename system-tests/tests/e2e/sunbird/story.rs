//! A client that knows the requests of the file and the ids that were made so far.

use super::whole::ExpectedStores;
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use system_tests::{
    client::Client,
    cluster::Cluster,
    stores::{AnyStores, Held},
};

/// Ids that were made, by the names that the tests give them.
pub type Ids = BTreeMap<&'static str, String>;

pub struct Story {
    client: Arc<Client>,
    lines: Vec<Value>,
    pub ids: Ids,
    pub stores: AnyStores,
    pub expected: ExpectedStores,
    /// The session of whoever sends requests; nobody's where the deployment is open.
    pub sends_as: Option<String>,
    /// Of whoever looks what became of them.
    pub reads_as: Option<String>,
    /// Operations that were carried out.
    pub done: Vec<String>,
    /// Operations that refused something.
    pub refused: Vec<String>,
}

impl Story {
    pub fn new(cluster: &Cluster) -> Result<Self> {
        let lines = include_str!("../../../../crates/catalog/fixtures/sunbird-requests.jsonl");
        let lines = lines.lines().map(serde_json::from_str);
        Ok(Self {
            client: cluster.client()?,
            lines: lines.collect::<Result<_, _>>()?,
            ids: Ids::new(),
            stores: AnyStores::of(cluster)?,
            expected: ExpectedStores::default(),
            sends_as: None,
            reads_as: None,
            done: Vec::new(),
            refused: Vec::new(),
        })
    }

    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter_map(|line| line["operation"].as_str())
    }

    /// The request that clients send, as it stands in the file.
    pub fn line(&self, operation: &str) -> Value {
        let found = self
            .lines
            .iter()
            .find(|line| line["operation"] == operation);
        found.expect("the file has every operation").clone()
    }

    /// The request of the file with some of its members replaced, and those of its path.
    pub async fn run(&mut self, operation: &str, changes: Value) -> Result<Value> {
        let (status, answer) = self.send(operation, &changes).await?;
        ensure!(
            status == 200 && answer["responseCode"] == "OK",
            "{operation}: {status} {answer:#}"
        );
        self.done.push(operation.to_owned());
        Ok(answer["result"].clone())
    }

    /// The same, refused with this status and this rule or code; both stores hold the same after it as before.
    pub async fn refuse(
        &mut self,
        operation: &str,
        changes: Value,
        status: u16,
        rule: &str,
    ) -> Result<()> {
        let before = self.held().await?;
        let (found, answer) = self.send(operation, &changes).await?;
        let problem = &answer["result"]["problem"];
        let rules = [
            &problem["rule"],
            &problem["errors"][0]["rule"],
            &problem["code"],
        ];
        ensure!(
            found == status && rules.contains(&&json!(rule)),
            "{operation}: expected {status} {rule}, found {found} {answer:#}"
        );
        let after = self.held().await?;
        let names = |held: &Held, other: &Held| -> Vec<String> {
            let differing = held
                .iter()
                .filter(|(name, kept)| other.get(*name) != Some(kept));
            differing.map(|(name, _)| name.clone()).collect()
        };
        ensure!(
            before == after,
            "{operation} refuses and changes {:?}, to {:?}",
            names(&before, &after),
            names(&after, &before)
        );
        self.refused.push(operation.to_owned());
        Ok(())
    }

    async fn send(&self, operation: &str, changes: &Value) -> Result<(u16, Value)> {
        let line = self.line(operation);
        let method: Method = line["method"].as_str().context("a method")?.parse()?;
        let mut path = line["path"].as_str().context("a path")?.to_owned();
        let mut body = line["body"].clone();
        for (name, value) in changes.as_object().context("changes")? {
            match name.as_str() {
                "path" => {
                    let (rest, _) = path.rsplit_once('/').context("a segment")?;
                    path = format!("{rest}/{}", value.as_str().context("a text")?);
                }
                "without" => {
                    let request = body["request"].as_object_mut().context("a request")?;
                    for name in value.as_array().context("names")? {
                        request.remove(name.as_str().context("a name")?);
                    }
                }
                _ => body["request"][name] = value.clone(),
            }
        }
        let mut request = self.client.at(method, &path).header("prefer", "wait=20");
        if !body.is_null() {
            request = request.json(&body);
        }
        if let Some(session) = &self.sends_as {
            request = request.bearer_auth(session);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let answer = serde_json::from_str(&text).with_context(|| format!("{operation}: {text}"))?;
        Ok((status, answer))
    }

    /// A document as the record has it.
    pub async fn document(&self, collection: &str, id: &str) -> Result<Option<Value>> {
        let path = format!("/v1/documents/{collection}/{id}");
        self.read(&path)
            .await
            .map(|found| found.map(|found| found["_source"].clone()))
    }

    /// A row, its key segments joined by `/`.
    pub async fn row(&self, table: &str, key: &str) -> Result<Option<Value>> {
        self.read(&format!("/v1/tables/{table}/{key}")).await
    }

    pub async fn read(&self, path: &str) -> Result<Option<Value>> {
        let mut request = self.client.at(Method::GET, path);
        if let Some(session) = &self.reads_as {
            request = request.bearer_auth(session);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let found: Value = response.json().await?;
        match status {
            200 => Ok(Some(found)),
            404 => Ok(None),
            other => anyhow::bail!("{path}: {other} {found:#}"),
        }
    }

    /// A document with these members; others may be there, too.
    pub async fn has_document(&self, collection: &str, id: &str, expected: Value) -> Result<Value> {
        let found = self.document(collection, id).await?;
        let found = found.with_context(|| format!("{collection}/{id} is not there"))?;
        compare(&format!("{collection}/{id}"), &found, &expected)?;
        Ok(found)
    }

    /// A row with these cells; others may be there, too.
    pub async fn has_row(&self, table: &str, key: &str, expected: Value) -> Result<Value> {
        let found = self.row(table, key).await?;
        let found = found.with_context(|| format!("row {table}/{key} is not there"))?;
        compare(&format!("row {table}/{key}"), &found, &expected)?;
        Ok(found)
    }

    /// Waits until an upload is carried out: all of its lines, none of which failed.
    pub async fn uploaded(&self, process: &str, lines: u64) -> Result<()> {
        let path = format!("/v1/upload/status/{process}");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let found = self.read(&path).await?.context("an upload")?;
            let result = &found["result"];
            if result["status"] == "COMPLETED" {
                ensure!(result["succeeded"] == lines, "{found:#}");
                return Ok(());
            }
            ensure!(std::time::Instant::now() < deadline, "{found:#}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Ids that were made, and what they are called from now on.
    pub fn know<const N: usize>(&mut self, ids: [(&'static str, String); N]) {
        for (name, id) in ids {
            self.expected.name(&id, name);
            self.ids.insert(name, id);
        }
    }

    /// The id of whose a unique value is.
    pub async fn owner_of(&mut self, value: &str) -> Result<String> {
        let held = self.held().await?;
        let kept = held.get(&format!("value {value}"));
        let key = kept
            .and_then(|kept| kept.content.as_str())
            .context(value.to_owned())?;
        let (_, id) = key.split_once('/').context(key.to_owned())?;
        Ok(id.to_owned())
    }

    /// The id of the one thing of a kind that has no name yet.
    pub async fn stranger(&mut self, kind: &str) -> Result<String> {
        let held = self.held().await?;
        let ids = held.keys().filter_map(|name| name.strip_prefix(kind));
        let strangers: Vec<&str> = ids
            .filter(|id| self.ids.values().all(|known| known != id))
            .collect();
        ensure!(strangers.len() == 1, "{kind}: {strangers:?}");
        Ok(strangers[0].to_owned())
    }

    pub fn id(&self, name: &str) -> String {
        self.ids.get(name).expect("an id of that name").clone()
    }
}

/// The id of what follows from others: SHA-256 over the parts with `##` between them.
pub fn hash(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(parts.join("##"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each expected member is there as expected; null stands for one that is not there.
fn compare(what: &str, found: &Value, expected: &Value) -> Result<()> {
    for (name, value) in expected.as_object().context("members")? {
        let there = found.get(name).unwrap_or(&Value::Null);
        ensure!(
            there == value,
            "{what}: {name} is {there}, not {value}: {found:#}"
        );
    }
    Ok(())
}

/// The text under a name of an answer.
pub fn text(answer: &Value, name: &str) -> Result<String> {
    let text = answer[name].as_str();
    Ok(text
        .with_context(|| format!("no {name} in {answer}"))?
        .to_owned())
}
