//! 34,006 cities: none lost, none doubled, every field intact in record and view, searches right,
//! the last write readable by its token.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use system_tests::{
    client::{Client, gunzip},
    cluster::Cluster,
};
use testbed::Servers;

pub const COLLECTION: &str = "geo/cities";

pub struct City {
    pub id: String,
    pub line: String,
}

pub fn read_cities() -> Result<Vec<City>> {
    let text = gunzip(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/cities.jsonl.gz"))?;
    let city = |line: &str| -> Result<City> {
        let value: Value = serde_json::from_str(line)?;
        Ok(City {
            id: value["id"]
                .as_str()
                .context("a city without id")?
                .to_owned(),
            line: line.to_owned(),
        })
    };
    text.lines().map(city).collect()
}

fn bulk(cities: &[City]) -> Vec<u8> {
    let mut lines = Vec::new();
    for city in cities {
        lines.extend_from_slice(
            format!(
                "{{\"index\":\"geo\",\"collection\":\"cities\",\"_id\":\"{}\",\"body\":",
                city.id
            )
            .as_bytes(),
        );
        lines.extend_from_slice(city.line.as_bytes());
        lines.extend_from_slice(b"}\n");
    }
    lines
}

async fn prepare(client: &Client) -> Result<()> {
    let mappings = json!({"mappings": {"properties": {"location": {"type": "geo_point"}, "name": {"type": "keyword"}}}});
    client.collection(COLLECTION, &mappings).await.map(drop)
}

/// Sends them and returns the summary's token; every line must be accepted.
pub async fn load(client: &Client, cities: &[City]) -> Result<String> {
    let answers = client
        .bulk("document.createOrReplace", &bulk(cities))
        .await?;
    let last = answers.last().context("no answer")?;
    let summary = &last["summary"];
    ensure!(
        summary["accepted"] == cities.len() && summary["refused"] == 0,
        "{last}"
    );
    ensure!(
        answers.len() == cities.len() + 1,
        "{} answers for {} lines",
        answers.len(),
        cities.len()
    );
    for (n, answer) in answers[..cities.len()].iter().enumerate() {
        ensure!(
            answer["line"] == n + 1,
            "answer {n} is out of order: {answer}"
        );
    }
    Ok(summary["token"].as_str().context("no token")?.to_owned())
}

/// Counts until the view shows all that the tokens cover; a read may time out while an outage is
/// being made up for.
pub async fn counted(client: &Client, tokens: &[String]) -> Result<u64> {
    let after: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let began = std::time::Instant::now();
    loop {
        match client.count(COLLECTION, &after).await {
            Ok(count) => return Ok(count),
            Err(error) if began.elapsed() > Duration::from_secs(300) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Every city in the record and in the view, to the byte.
async fn intact(client: &Client, cities: &[City]) -> Result<()> {
    for chunk in cities.chunks(500) {
        let expected: HashMap<&str, &str> = chunk
            .iter()
            .map(|city| (city.id.as_str(), city.line.as_str()))
            .collect();
        let ids: Vec<&str> = chunk.iter().map(|city| city.id.as_str()).collect();
        let record = client
            .text(
                &format!("/v1/documents/{COLLECTION}/_mget"),
                &json!({"ids": ids}),
            )
            .await?;
        let query = json!({"query": {"ids": {"values": ids}}, "size": 500});
        let view = client
            .text(&format!("/v1/documents/{COLLECTION}/_search"), &query)
            .await?;
        for (place, text) in [("record", record), ("view", view)] {
            for (id, line) in &expected {
                ensure!(
                    text.contains(line),
                    "city {id} is not intact in the {place}"
                );
            }
        }
    }
    Ok(())
}

async fn searches(client: &Client, cities: &[City]) -> Result<()> {
    let (lat, lon, metres) = (52.52, 13.405, 100_000.0);
    let query = json!({"query": {"geo_distance": {"distance": "100km", "location": {"lat": lat, "lon": lon}}}, "size": 1000});
    let found = client.search(COLLECTION, &query, &[]).await?;
    let mut seen: Vec<String> = found["hits"]
        .as_array()
        .context("no hits")?
        .iter()
        .filter_map(|hit| hit["_id"].as_str().map(str::to_owned))
        .collect();
    seen.sort();
    let mut expected = Vec::new();
    for city in cities {
        let value: Value = serde_json::from_str(&city.line)?;
        let (a, b) = (
            value["location"]["lat"].as_f64().context("lat")?,
            value["location"]["lon"].as_f64().context("lon")?,
        );
        if haversine(lat, lon, a, b) <= metres {
            expected.push(city.id.clone());
        }
    }
    expected.sort();
    ensure!(
        seen == expected,
        "geo_distance: {} found, {} expected",
        seen.len(),
        expected.len()
    );
    ensure!(found["total"] == expected.len(), "{}", found["total"]);
    Ok(())
}

/// Metres on the sphere that Elasticsearch computes with.
fn haversine(lat1: f64, lon1: f64, lat2: f64, lon2: f64) -> f64 {
    let (dlat, dlon) = ((lat2 - lat1).to_radians(), (lon2 - lon1).to_radians());
    let a = (dlat / 2.0).sin().powi(2)
        + lat1.to_radians().cos() * lat2.to_radians().cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371_008.771_4 * a.sqrt().asin()
}

async fn main_job(cluster: &mut Cluster, restart: &[&str]) -> Result<()> {
    let cities = read_cities()?;
    let client = cluster.client()?;
    prepare(&client).await?;
    let half = cities.len() / 2;
    let mut tokens = vec![load(&client, &cities[..half]).await?];
    for name in restart {
        cluster.kill9(name)?;
    }
    for name in restart {
        cluster.restart(name).await?;
    }
    tokens.push(load(&client, &cities[half..]).await?);
    assert_eq!(counted(&client, &tokens).await?, cities.len() as u64);
    intact(&client, &cities).await?;
    searches(&client, &cities).await?;
    let request = json!({"index": "geo", "collection": "cities", "_id": cities[0].id, "body": {"name": "last"}});
    let last = client
        .accept(
            "document.update",
            &request,
            "the last write",
            Duration::from_secs(60),
        )
        .await?;
    let read = client
        .document(COLLECTION, &cities[0].id, Some(&last.token))
        .await?
        .context("gone")?;
    assert_eq!(
        (read.body["name"].as_str(), read.revision),
        (Some("last"), Some(2))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_cities_on_the_embedded_default_with_a_kill_in_the_middle() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    main_job(&mut cluster, &["dev"]).await?;
    let status = cluster.process("dev")?.terminate(Duration::from_secs(30))?;
    assert!(status.success(), "SIGTERM must end it well: {status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_cities_on_real_servers_with_kills_in_the_middle() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 1, 2).await?;
    main_job(&mut cluster, &["worker-0", "gateway-0"]).await
}
