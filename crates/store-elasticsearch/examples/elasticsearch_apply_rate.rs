//! How fast the view applies, beside bare `_bulk` requests of the same bytes by the same client in
//! the same run: documents of 1 KiB.
//!
//! `cargo run --release -p store-elasticsearch --example elasticsearch_apply_rate -- [url]
//! [documents per round] [rounds]`

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use elasticsearch::http::{
    Method,
    headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
    transport::Transport,
};
use futures::{StreamExt, stream};
use serde_json::json;
use std::time::{Duration, Instant};
use store::{DocumentWrite, ItemVerdict, View, contract::Fixture};
use store_elasticsearch::{Config, Elasticsearch};

const BATCH: usize = 500;
const IN_FLIGHT: usize = 2;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .unwrap_or_else(|| testbed::Addresses::shared().elasticsearch_url());
    let count: u64 = arguments.next().map_or(Ok(10_000), |n| n.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let prefix = format!("{}.", testbed::unique("bench"));
    let config = Config {
        urls: vec![url.clone()],
        prefix: prefix.clone(),
        replicas: Some(0),
        ..Config::default()
    };
    let view = Elasticsearch::new(config)?;
    let transport = Transport::single_node(&url)?;
    let (mut first_writes, mut repeats) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let f = Fixture::with_mappings(
            json!({"properties": {"text": {"type": "keyword"}, "n": {"type": "long"}}}),
        );
        view.create_collection(&f.collection).await?;
        let body = |n: u64| format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(1_003));
        let writes: Vec<DocumentWrite> = (1..=count)
            .map(|n| f.document(&format!("d{n}"), n, Some(&body(n))))
            .collect();
        let ours = ours(&view, &writes).await?;

        let g = Fixture::with_mappings(f.collection.mappings.clone().unwrap_or_default());
        view.create_collection(&g.collection).await?;
        let bare = bare(&transport, &requests(&prefix, &g, count, body)).await?;
        let again = self::ours(&view, &writes).await?;

        let rate = |took: Duration| count as f64 / took.as_secs_f64();
        let label = if round == 0 {
            "warm-up".to_owned()
        } else {
            format!("round {round}")
        };
        println!(
            "{label}: ours {:.0}/s, bare {:.0}/s, ratio {:.2}; the same again (all conflicts) {:.0}/s",
            rate(ours),
            rate(bare),
            rate(ours) / rate(bare),
            rate(again)
        );
        if round > 0 {
            first_writes.push(rate(ours) / rate(bare));
            repeats.push(rate(again) / rate(bare));
        }
        for fixture in [&f, &g] {
            let path = format!(
                "{prefix}{}.things.a1b2c3d4-000001",
                fixture.collection.index
            );
            transport
                .send(
                    Method::Delete,
                    &path,
                    HeaderMap::new(),
                    None::<&()>,
                    None::<()>,
                    None,
                )
                .await?;
        }
    }
    for (what, mut ratios) in [("first writes", first_writes), ("repeats", repeats)] {
        ratios.sort_by(f64::total_cmp);
        println!(
            "{what}: median ratio {:.2} of {rounds} rounds, {count} documents each",
            ratios[ratios.len() / 2]
        );
    }
    Ok(())
}

async fn ours(view: &Elasticsearch, writes: &[DocumentWrite]) -> Result<Duration, Error> {
    let began = Instant::now();
    let work: Vec<_> = writes
        .chunks(BATCH)
        .map(|batch| view.apply(batch))
        .collect();
    let mut work = stream::iter(work).buffered(IN_FLIGHT);
    while let Some(verdicts) = work.next().await {
        if let Some(other) = verdicts
            .iter()
            .find(|verdict| **verdict != ItemVerdict::Done)
        {
            return Err(format!("not done: {other:?}").into());
        }
    }
    Ok(began.elapsed())
}

/// The same actions and sources, ready to send.
fn requests(prefix: &str, f: &Fixture, count: u64, body: impl Fn(u64) -> String) -> Vec<String> {
    let alias = format!("{prefix}{}.things.a1b2c3d4", f.collection.index);
    let line = |n: u64| {
        let action = format!(
            r#"{{"index":{{"_index":"{alias}","_id":"d{n}","version":{},"version_type":"external"}}}}"#,
            f.version(n)
        );
        let stamp = format!(
            r#"{{"version":{},"position":"1/0@{n}","revision":{n},"request":"{}","id":"d{n}"}}"#,
            f.version(n),
            f.request(n)
        );
        format!("{action}\n{{\"_consign\":{stamp},{}\n", &body(n)[1..])
    };
    let numbers: Vec<u64> = (1..=count).collect();
    numbers
        .chunks(BATCH)
        .map(|chunk| chunk.iter().map(|n| line(*n)).collect())
        .collect()
}

async fn bare(transport: &Transport, requests: &[String]) -> Result<Duration, Error> {
    let began = Instant::now();
    let work: Vec<_> = requests
        .iter()
        .map(|request| async move {
            let mut headers = HeaderMap::new();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-ndjson"),
            );
            let answer = transport
                .send(
                    Method::Post,
                    "_bulk",
                    headers,
                    None::<&()>,
                    Some(request.as_str()),
                    None,
                )
                .await?;
            Ok::<_, Error>(answer.text().await?.contains(r#""errors":false"#))
        })
        .collect();
    let mut work = stream::iter(work).buffered(IN_FLIGHT);
    while let Some(done) = work.next().await {
        if !done? {
            return Err("a bare request failed".into());
        }
    }
    Ok(began.elapsed())
}
