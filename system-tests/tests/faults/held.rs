//! A dead letter on real servers: the view refuses a write for a reason that no check foresees, what
//! follows on its key waits, and once the view is mended a replay lets all of it follow in order.

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use system_tests::{client::Client, cluster::Cluster, history::Status};
use testbed::{Addresses, Servers};

const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../write-worker/tests/catalog");
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_dead_letter_is_applied_in_order_when_that_is_replayed() -> Result<()> {
    let servers = Servers::shared();
    let folders = format!("[{CATALOG:?}]");
    let settings = [("CONSIGN_CATALOG_FOLDERS", folders.as_str())];
    let mut cluster = Cluster::with_settings(servers.addresses(), 1, 1, &settings).await?;
    let client = cluster.client()?;
    let ask = async |operation: &str, body: Value| {
        let request = json!({"id": "a", "body": body});
        let key = format!("{operation} {body}").replace('"', "'");
        let accepted = client.accept(operation, &request, &key, PATIENCE);
        anyhow::Ok(accepted.await?.request)
    };
    let founded = ask("town.found", json!({"n": 0})).await?;
    becomes(&client, &founded, |status| *status == Status::Applied).await?;
    map(servers.addresses(), &json!({"type": "ip"})).await?;
    let dead = ask("town.change", json!({"n": 1, "addr": "no address"})).await?;
    becomes(&client, &dead, |status| *status == Status::DeadLettered).await?;
    let mut behind = vec![ask("town.change", json!({"n": 2})).await?];
    behind.push(ask("town.appoint", json!({"name": "Ann"})).await?);
    for request in &behind {
        let told = told(&client, request, "parked").await?;
        ensure!(told["behind"] == dead.as_str(), "{told}");
    }

    let url = cluster.gateways()[0].clone();
    let dlq = |arguments: &[&str]| {
        let arguments = ["dlq"].into_iter().chain(arguments.iter().copied());
        let arguments: Vec<&str> = arguments.chain(["--json", "--url", &url]).collect();
        cluster.run("gateway-0", &arguments)
    };
    let line: Value = serde_json::from_str(dlq(&["list"])?.lines().next().context("a line")?)?;
    ensure!(
        line["request_id"] == dead.as_str() && line["waiting"] == 2,
        "{line}"
    );
    ensure!(
        line["store"] == "elasticsearch" && line["attempts"] == 1,
        "{line}"
    );
    let refused = dlq(&["replay", "--request", &dead]);
    ensure!(refused.is_err(), "nothing was mended: {refused:?}");
    told(&client, &behind[0], "parked").await?;

    map(
        servers.addresses(),
        &json!({"type": "ip", "ignore_malformed": true}),
    )
    .await?;
    let dry = dlq(&["replay", "--request", &dead, "--dry-run"])?;
    let dry: Value = serde_json::from_str(dry.lines().next().context("a line")?)?;
    let changes = dry["preview"]["changes"].as_array().context("changes")?;
    let stores: Vec<_> = changes.iter().map(|change| &change["store"]).collect();
    ensure!(stores == ["cassandra", "elasticsearch"], "{dry}");
    dlq(&["replay", "--request", &dead, "--reason", "mended"])?;
    for request in behind.iter().chain([&dead]) {
        becomes(&client, request, |status| *status == Status::Applied).await?;
    }
    let (status, town) = get(&client, "land/towns/a").await?;
    let expected = json!({"n": 2, "addr": "no address"});
    ensure!(
        status == StatusCode::OK && town["_source"] == expected,
        "{town}"
    );
    ensure!(town["_version"] == 3, "each once: {town}");
    let (_, mayor) = get(&client, "land/mayors/a").await?;
    ensure!(mayor["_source"] == json!({"name": "Ann"}), "{mayor}");

    // Twice does nothing twice, and another owner knows that the key is free.
    dlq(&["replay", "--request", &dead])?;
    ensure!(
        get(&client, "land/towns/a").await?.1["_version"] == 3,
        "it was done twice"
    );
    ensure!(dlq(&["list"])?.trim().is_empty(), "something is held still");
    cluster.kill9("worker-0")?;
    cluster.restart("worker-0").await?;
    let later = ask("town.change", json!({"n": 3})).await?;
    becomes(&client, &later, |status| *status == Status::Applied).await?;
    Ok(())
}

async fn becomes(client: &Client, request: &str, is_it: fn(&Status) -> bool) -> Result<()> {
    let began = Instant::now();
    loop {
        let seen = client.look(request).await;
        if seen.as_ref().is_some_and(|seen| is_it(&seen.status)) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{request}: {seen:?} after all");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn told(client: &Client, request: &str, wanted: &str) -> Result<Value> {
    let began = Instant::now();
    loop {
        let request = client.at(reqwest::Method::GET, &format!("/v1/requests/{request}"));
        let told: Value = request.send().await?.json().await?;
        if told["status"] == wanted {
            return Ok(told);
        }
        ensure!(began.elapsed() < PATIENCE, "never {wanted}: {told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn get(client: &Client, path: &str) -> Result<(StatusCode, Value)> {
    let request = client.at(reqwest::Method::GET, &format!("/v1/documents/{path}"));
    let response = request.send().await?;
    Ok((response.status(), response.json().await?))
}

/// Maps a field in the index itself, so that no check can foresee what it refuses.
async fn map(servers: &Addresses, addr: &Value) -> Result<()> {
    let (http, url) = (reqwest::Client::new(), servers.elasticsearch_url());
    let all = http.get(format!("{url}/_cat/indices?format=json&h=index"));
    let indices: Vec<Value> = all.send().await?.json().await?;
    let names = indices.iter().filter_map(|row| row["index"].as_str());
    let towns: Vec<&str> = names.filter(|name| name.contains("towns")).collect();
    ensure!(!towns.is_empty(), "no index of towns among {indices:?}");
    for index in towns {
        let put = http.put(format!("{url}/{index}/_mapping"));
        let answer = put
            .json(&json!({"properties": {"addr": addr}}))
            .send()
            .await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
    }
    Ok(())
}
