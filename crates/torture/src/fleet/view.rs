//! Makes the view refuse what no check of the pipeline foresees: a field is mapped in the indices of
//! pairs behind its back, strictly or not.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct RefusingView {
    http: reqwest::Client,
    url: String,
    prefix: String,
}

impl RefusingView {
    /// Indices that begin with the prefix, at `http://host:port`.
    pub(super) fn new(url: &str, prefix: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: url.trim_end_matches('/').to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    /// From now on what is no address is refused in `addr`, or taken.
    pub(super) async fn refuse(&self, refuses: bool) -> Result<()> {
        let mapping = json!({"properties": {"addr": {"type": "ip", "ignore_malformed": !refuses}}});
        for index in self.list_indices().await? {
            let put = self
                .http
                .put(format!("{}/{index}/_mapping", self.url))
                .json(&mapping);
            let answer = put.timeout(Duration::from_secs(30)).send().await?;
            ensure!(
                answer.status().is_success(),
                "{index}: {}",
                answer.text().await?
            );
        }
        Ok(())
    }

    async fn list_indices(&self) -> Result<Vec<String>> {
        let url = format!("{}/_cat/indices?format=json&h=index", self.url);
        let all: Value = self.http.get(url).send().await?.json().await?;
        let all = all.as_array().context("no list of indices")?.iter();
        let names = all.filter_map(|row| row["index"].as_str());
        let is_of_pairs = |name: &&str| name.contains("left") || name.contains("right");
        let names: Vec<String> = names
            .filter(|name| name.starts_with(&self.prefix))
            .filter(is_of_pairs)
            .map(str::to_owned)
            .collect();
        ensure!(!names.is_empty(), "no index of pairs under {}", self.prefix);
        Ok(names)
    }
}
