//! Documents of the view that were deleted or damaged by hand, named and written again by `consign sync`
//! on real servers.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use system_tests::{client::Client, cluster::Cluster, stores::Stores};
use testbed::{Addresses, Servers};

async fn root(client: &Client, channel: &str) -> Result<String> {
    let request = json!({"orgName": channel, "channel": channel, "isRootOrg": true});
    let (status, answer) = client.write("org.create", &request, 55).await?;
    ensure!(answer["status"] == "applied", "{status} {answer}");
    let id = answer["result"]["organisationId"].as_str();
    id.map(str::to_owned).with_context(|| answer.to_string())
}

/// Exit code and report; null where there is none.
fn sync(cluster: &Cluster, ids: &[&str]) -> Result<(i32, Value)> {
    let url = &cluster.gateways()[0];
    let mut arguments = vec!["sync", "--type", "organisation", "--json", "--url", url];
    arguments.extend(ids);
    let (code, text) = cluster.output("gateway-0", &arguments)?;
    Ok((code, serde_json::from_str(&text).unwrap_or_default()))
}

/// Elasticsearch's own address of an organisation's document.
async fn place(servers: &Addresses, cluster: &Cluster, id: &str) -> Result<String> {
    let prefix = cluster.variable("gateway-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
    let url = servers.elasticsearch_url();
    let http = reqwest::Client::new();
    let indices = format!("{url}/{prefix}sunbird.org.*");
    http.post(format!("{indices}/_refresh")).send().await?;
    let query = json!({"query": {"match_all": {}}, "size": 100});
    let asked = http.post(format!("{indices}/_search")).json(&query);
    let found: Value = asked.send().await?.json().await?;
    let hits = found["hits"]["hits"].as_array().context("hits")?;
    let hit = hits.iter().find(|hit| hit["_source"]["id"] == id);
    let hit = hit.with_context(|| found.to_string())?;
    let part = |name: &str| hit[name].as_str().with_context(|| hit.to_string());
    Ok(format!(
        "{url}/{}/_doc/{}?refresh=true",
        part("_index")?,
        part("_id")?
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hands_did_to_the_view_is_named_and_undone() -> Result<()> {
    let servers = Servers::shared().addresses();
    let cluster = Cluster::on(servers, 1, 1).await?;
    let client = cluster.client()?;
    let (lost, damaged, whole) = (
        root(&client, "lost").await?,
        root(&client, "damaged").await?,
        root(&client, "whole").await?,
    );
    let all = [lost.as_str(), &damaged, &whole];
    // A search finds what was just written after a moment.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (code, report) = sync(&cluster, &all)?;
    ensure!(code == 0 && report["written"] == 0, "{code} {report}");

    let http = reqwest::Client::new();
    let deleted = http
        .delete(place(servers, &cluster, &lost).await?)
        .send()
        .await?;
    ensure!(deleted.status().is_success(), "{}", deleted.text().await?);
    let other = json!({"id": damaged, "orgName": "Somebody else"});
    let put = http
        .put(place(servers, &cluster, &damaged).await?)
        .json(&other);
    let put = put.send().await?;
    ensure!(put.status().is_success(), "{}", put.text().await?);

    // Nothing is begun where one is not there.
    let (code, report) = sync(&cluster, &[&lost, "nobody"])?;
    ensure!(code == 1 && report.is_null(), "{code} {report}");
    let (code, report) = sync(&cluster, &all)?;
    let expected = json!({"compared": 3, "differed": [lost, damaged], "written": 2, "not_written": [], "left": []});
    ensure!((code, &report) == (0, &expected), "{code} {report}");
    // Both stores have the same.
    Stores::of(&cluster)?.read().await?;
    let (code, report) = sync(&cluster, &all)?;
    ensure!(code == 0 && report["written"] == 0, "{code} {report}");
    Ok(())
}
