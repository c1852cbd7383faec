//! An index that a gateway left behind when it died in the middle of making a collection: `consign
//! doctor` names it with what removes it, and it is gone once the collection is made.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use system_tests::cluster::Cluster;
use testbed::Servers;

const ABOUT: &str = "indices without a collection";

/// What the doctor says of such indices.
fn indices_without_collection(cluster: &Cluster) -> Result<Vec<Value>> {
    let (code, text) = cluster.output("gateway-0", &["doctor", "--json"])?;
    ensure!(code == 0, "doctor exits with {code}: {text}");
    let report: Value = serde_json::from_str(&text)?;
    let findings = report["findings"].as_array().context("no findings")?;
    let of_indices = findings.iter().filter(|one| one["about"] == ABOUT);
    Ok(of_indices.cloned().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_an_index_without_a_collection() -> Result<()> {
    let servers = Servers::shared().addresses();
    let cluster = Cluster::on(servers, 1, 1).await?;
    let client = cluster.client()?;
    client.collection("shop/customers", &json!({})).await?;
    let before = indices_without_collection(&cluster)?;
    ensure!(before.is_empty(), "before anything is left: {before:?}");

    // The first that a gateway makes of a collection, with its alias; the record is written after it.
    let prefix = cluster.variable("gateway-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
    let alias = format!("{prefix}shop.orders.i01dnzah");
    let index = format!("{}/{alias}-000001", servers.elasticsearch_url());
    let body = json!({
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "aliases": {alias: {"is_write_index": true}},
    });
    let http = reqwest::Client::new();
    let made = http.put(&index).json(&body).send().await?;
    made.error_for_status()?;
    let named = indices_without_collection(&cluster)?;
    ensure!(named.len() == 1, "one index is left: {named:?}");
    let (found, mend) = (&named[0]["found"], &named[0]["mend"]);
    ensure!(named[0]["state"] == "weak", "{named:?}");
    ensure!(
        found
            .as_str()
            .is_some_and(|found| found.contains("shop/orders") && found.contains("i01dnzah")),
        "{named:?}"
    );
    ensure!(
        mend.as_str()
            .is_some_and(|mend| mend.contains("create or drop")),
        "{named:?}"
    );

    client.collection("shop/orders", &json!({})).await?;
    let after = indices_without_collection(&cluster)?;
    ensure!(after.is_empty(), "what was left is removed: {after:?}");
    let status = http.head(&index).send().await?.status();
    ensure!(status == 404, "the index is there: {status}");
    Ok(())
}
