//! `consign-bench latency`: how long a client waits for *accepted*, and for *applied*.

use crate::{
    compared::percentile,
    environment::BenchEnvironment,
    http_wire::HttpLoad,
    workload::{self, OPERATION},
};
use clap::Args;
use consign::commands::Invocation;
use consign::{failure::Failure, output::format_table};
use serde::Serialize;
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

const EXAMPLES: &str = "\
Examples:
  consign-bench latency
  consign-bench latency --connections 1 --seconds 10
  consign-bench latency --config gateway.toml --json       on servers";

/// Milliseconds from a request to accepted, and to applied
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Clients at once, each waiting for its answer before it asks again
    #[arg(long, default_value_t = 4)]
    connections: usize,
}

#[derive(Serialize)]
struct Report {
    bench: &'static str,
    on: &'static str,
    connections: usize,
    accepted: Spread,
    applied: Spread,
}

/// Milliseconds.
#[derive(Serialize)]
struct Spread {
    requests: usize,
    p50: f64,
    p99: f64,
    most: f64,
}

impl Spread {
    fn of(sorted: &[f64]) -> Self {
        let at = |share| percentile(sorted, share);
        Self {
            requests: sorted.len(),
            p50: at(0.5),
            p99: at(0.99),
            most: at(1.0),
        }
    }
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut environment = BenchEnvironment::make(invocation, &[]).await?;
    let client = environment.whole().await?;
    workload::create_collection(&client).await?;
    let (path, first) = (
        format!("/v1/operations/{OPERATION}"),
        Arc::new(AtomicU64::new(0)),
    );
    let load = |headers, expected| HttpLoad {
        url: client.url(),
        path: &path,
        headers,
        connections: arguments.connections.max(1),
        expected,
    };
    // What is slow the first time is not what is asked.
    load("prefer: wait=30\r\n", 200)
        .latencies(&first, Duration::from_secs(1))
        .await?;
    let duration = Duration::from_secs(arguments.seconds);
    let applied = load("prefer: wait=30\r\n", 200)
        .latencies(&first, duration)
        .await?;
    let accepted = load("", 202).latencies(&first, duration).await?;
    let report = Report {
        bench: "latency",
        on: environment.on(),
        connections: arguments.connections.max(1),
        accepted: Spread::of(&accepted),
        applied: Spread::of(&applied),
    };
    environment.end().await?;
    invocation.output.result(&report, |report| {
        let row = |name: &str, spread: &Spread| {
            let times = [spread.p50, spread.p99, spread.most].map(|millis| format!("{millis:.2}"));
            [
                vec![name.to_owned(), spread.requests.to_string()],
                times.to_vec(),
            ]
            .concat()
        };
        let rows = [
            row("accepted", &report.accepted),
            row("applied", &report.applied),
        ];
        format!(
            "on {}, {} clients, milliseconds\n{}",
            report.on,
            report.connections,
            format_table(&["until", "requests", "p50", "p99", "most"], &rows)
        )
    })
}
