//! A keyspace and the indices with one prefix, read with the servers' own protocols.

use super::{Held, Kept, cells, owned, plain};
use crate::cluster::Cluster;
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use testbed::Cql;

const KEPT_BESIDE: [&str; 4] = ["ledger", "marks", "claims", "texts"];
const MOST_DOCUMENTS: usize = 10_000;

/// Where a deployment's stores are: connections, and which columns are a table's key.
#[derive(Debug)]
pub struct Stores {
    cql: Cql,
    keyspace: String,
    tables: BTreeMap<String, Vec<String>>,
    http: reqwest::Client,
    /// The URL of all indices.
    indices: String,
}

impl Stores {
    /// # Errors
    /// If servers do not answer.
    pub fn of(cluster: &Cluster) -> Result<Self> {
        let setting = |name: &str| cluster.variable("gateway-0", name);
        let keyspace = setting("CONSIGN_CASSANDRA_KEYSPACE")?;
        let mut cql = Cql::connect(&setting("CONSIGN_CASSANDRA_NODES")?)?;
        let tables = keys(&mut cql, &keyspace)?;
        let indices = format!(
            "{}/{}*",
            setting("CONSIGN_ELASTICSEARCH_URLS")?,
            setting("CONSIGN_ELASTICSEARCH_PREFIX")?
        );
        Ok(Self {
            cql,
            keyspace,
            tables,
            http: reqwest::Client::new(),
            indices,
        })
    }

    /// # Errors
    /// If something cannot be read, or the view has another document than the record.
    pub async fn read(&mut self) -> Result<Held> {
        let (mut held, mut in_record) = (Held::new(), BTreeMap::new());
        for (table, key) in &self.tables {
            let statement = format!("SELECT JSON * FROM {}.{table}", self.keyspace);
            for line in self.cql.run(&statement)? {
                let row: Map<String, Value> = serde_json::from_str(&line)?;
                match table.as_str() {
                    "documents" => in_record.extend(document(&row)?),
                    "unique_values" => held.extend(value(&row)?),
                    _ => held.extend([named(table, key, row)]),
                }
            }
        }
        let in_view = self.view().await?;
        for (name, kept) in &in_record {
            let seen = in_view.get(name);
            ensure!(
                seen == Some(&kept.content),
                "{name}: the record has {kept:?}, the view {seen:?}"
            );
        }
        let stranger = in_view.keys().find(|name| !in_record.contains_key(*name));
        ensure!(stranger.is_none(), "only in the view: {stranger:?}");
        held.extend(in_record);
        Ok(held)
    }

    /// Each index is of one collection, whose name stands in what it says of itself in each document's id.
    async fn view(&self) -> Result<BTreeMap<String, Value>> {
        let refreshed = self
            .http
            .post(format!("{}/_refresh", self.indices))
            .send()
            .await?;
        ensure!(refreshed.status().is_success(), "{refreshed:?}");
        let query = json!({"size": MOST_DOCUMENTS, "query": {"match_all": {}}});
        let asked = self
            .http
            .post(format!("{}/_search", self.indices))
            .json(&query);
        let found: Value = asked.send().await?.json().await?;
        let hits = found["hits"]["hits"]
            .as_array()
            .with_context(|| found.to_string())?;
        ensure!(hits.len() < MOST_DOCUMENTS, "more documents than are read");
        let mut view = BTreeMap::new();
        for hit in hits {
            let mut source = hit["_source"].clone();
            let members = source.as_object_mut().context("an object")?;
            let stamp = members
                .remove("_consign")
                .with_context(|| hit.to_string())?;
            if stamp["deleted"] == true {
                continue;
            }
            let id = stamp["id"].as_str().context("an id")?;
            let name = format!("document {}/{id}", self.collection(hit)?);
            view.insert(name, source);
        }
        Ok(view)
    }

    /// `prefix.index.collection.incarnation` is the name of what a document stands in.
    fn collection(&self, hit: &Value) -> Result<String> {
        let index = hit["_index"].as_str().context("an index")?;
        let prefix = self
            .indices
            .rsplit_once('/')
            .context("a path")?
            .1
            .trim_end_matches('*');
        let rest = index.strip_prefix(prefix).context("a prefix")?;
        let mut parts = rest.split('.');
        let (first, second) = (
            parts.next().context("an index")?,
            parts.next().context("a collection")?,
        );
        Ok(format!("{first}/{second}"))
    }
}

/// The key columns of each table that is read, in order.
fn keys(cql: &mut Cql, keyspace: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let statement = format!(
        "SELECT JSON table_name, column_name, kind, position FROM system_schema.columns WHERE keyspace_name = '{keyspace}'"
    );
    let mut columns = Vec::new();
    for line in cql.run(&statement)? {
        let column: Value = serde_json::from_str(&line)?;
        let text = |name: &str| plain(&column[name]);
        let kind = ["partition_key", "clustering"]
            .iter()
            .position(|kind| *kind == text("kind"));
        if let Some(kind) = kind.filter(|_| !KEPT_BESIDE.contains(&text("table_name").as_str())) {
            columns.push((
                kind,
                column["position"].as_i64(),
                text("table_name"),
                text("column_name"),
            ));
        }
    }
    columns.sort();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (.., table, column) in columns {
        keys.entry(table).or_default().push(column);
    }
    ensure!(keys.len() > 20, "the keyspace is not there: {keys:?}");
    Ok(keys)
}

fn named(table: &str, key: &[String], mut row: Map<String, Value>) -> (String, Kept) {
    let key: Vec<String> = key
        .iter()
        .filter_map(|column| row.remove(column))
        .map(|part| plain(&part))
        .collect();
    let key = key.join("/");
    let written = String::new();
    match table {
        "collections" => (
            format!("collection {key}"),
            Kept {
                content: row.remove("definition").unwrap_or_default(),
                written,
            },
        ),
        _ => (
            format!("row {table}/{key}"),
            Kept {
                content: cells(row),
                written,
            },
        ),
    }
}

fn value(row: &Map<String, Value>) -> Result<Option<(String, Kept)>> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let (name, holder) = text("name").zip(text("holder")).context("a holder")?;
    owned(name, holder)
}

/// Nothing where it was removed.
fn document(row: &Map<String, Value>) -> Result<Option<(String, Kept)>> {
    let text = |name: &str| row.get(name).map(plain).unwrap_or_default();
    let Some(body) = row.get("body").and_then(Value::as_str) else {
        return Ok(None);
    };
    let name = format!(
        "document {}/{}/{}",
        text("index"),
        text("collection"),
        text("id")
    );
    let written = format!("{} {}", text("version"), text("request"));
    let content = serde_json::from_str(body)?;
    Ok(Some((name, Kept { content, written })))
}
