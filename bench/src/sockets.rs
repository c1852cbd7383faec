//! `consign-bench sockets`: what an idle WebSocket with one subscription costs in memory, beside
//! one of a bare server that is told nothing.

use crate::{environment::BenchEnvironment, files, listeners::Listeners, workload};
use clap::Args;
use consign::commands::Invocation;
use consign::{client::envelope, failure::Failure, output::format_table, settings::LogKind};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign-bench sockets
  consign-bench sockets --sockets 8000 --json

Of `consign dev`: gateway and notifier each know of every subscription, and both are counted.";

const AIM_KIB: f64 = 20.0;
/// Opened before anything is counted: what the first ones need, all others share.
const FIRST: usize = 200;
/// For what opening and subscribing left behind.
const SETTLE: Duration = Duration::from_secs(3);

/// Memory of an idle WebSocket with one subscription, beside one of a bare server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(long, default_value_t = 5_000)]
    sockets: usize,
}

/// KiB of resident memory for each socket.
#[derive(Serialize)]
struct Report {
    bench: &'static str,
    sockets: usize,
    /// A bare axum WebSocket server.
    floor_kib: f64,
    /// Without a subscription.
    silent_kib: f64,
    /// Each in the same room.
    shared_kib: f64,
    /// Each in a room of its own.
    distinct_kib: f64,
    aim_kib: f64,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let sockets = arguments.sockets.max(1);
    files::allow((FIRST + sockets + 1_000) as u64)?;
    let measure = async |what: &str, subscribe: fn(usize) -> Option<String>, bare: bool| {
        let kib = measure(invocation, sockets, subscribe, bare).await?;
        invocation.output.note(&format!("{what}: {kib:.1} KiB"));
        Ok::<f64, Failure>(kib)
    };
    let report = Report {
        bench: "sockets",
        sockets,
        floor_kib: measure("a bare server", |_| None, true).await?,
        silent_kib: measure("no subscription", |_| None, false).await?,
        shared_kib: measure(
            "one filter for all",
            |_| Some(subscription(json!({"exists": "name"}))),
            false,
        )
        .await?,
        distinct_kib: measure(
            "a filter each",
            |n| {
                Some(subscription(
                    json!({"equals": {"name": format!("Place {n}")}}),
                ))
            },
            false,
        )
        .await?,
        aim_kib: AIM_KIB,
    };
    invocation.output.result(&report, |report| {
        let row = |what: &str, kib: f64| vec![what.to_owned(), format!("{kib:.1}")];
        let rows = [
            row("floor: a bare axum WebSocket server", report.floor_kib),
            row("consign dev, no subscription", report.silent_kib),
            row("consign dev, one filter for all", report.shared_kib),
            row("consign dev, a filter each", report.distinct_kib),
        ];
        let most = report.shared_kib.max(report.distinct_kib);
        let verdict = if most <= AIM_KIB { "met" } else { "missed" };
        format!(
            "{} idle sockets\n{}aim {AIM_KIB:.0} KiB: {verdict}\n",
            report.sockets,
            format_table(&["socket of", "KiB"], &rows)
        )
    })
}

/// KiB for each socket, of a server that nothing was asked of before.
async fn measure(
    invocation: Invocation<'_>,
    sockets: usize,
    subscribe: fn(usize) -> Option<String>,
    bare: bool,
) -> Result<f64, Failure> {
    let most = FIRST + sockets + 100;
    let limits = [
        format!("gateway.max_connections={}", most + 100),
        format!("gateway.live.connections_per_address={most}"),
    ];
    let mut environment =
        BenchEnvironment::make(invocation, &limits.each_ref().map(String::as_str)).await?;
    if environment.settings.log.kind != LogKind::Embedded {
        return Err(Failure::usage(
            "this measures `consign dev`, which runs on files: leave log.kind at `embedded`",
        ));
    }
    let url = if bare {
        environment.broadcast().await?
    } else {
        let client = environment.whole().await?;
        workload::create_collection(&client).await?;
        client.url().to_owned()
    };
    let first = Listeners::open(&url, FIRST, |n| subscribe(sockets + n)).await?;
    tokio::time::sleep(SETTLE).await;
    let before = environment.resident()?;
    let rest = Listeners::open(&url, sockets, subscribe).await?;
    tokio::time::sleep(SETTLE).await;
    let after = environment.resident()?;
    // Each must still be there.
    first.end(0).await?;
    rest.end(0).await?;
    environment.end().await?;
    Ok(after.saturating_sub(before) as f64 / 1024.0 / sockets as f64)
}

fn subscription(filter: serde_json::Value) -> String {
    let place =
        json!({"index": workload::INDEX, "collection": workload::COLLECTION, "body": filter});
    envelope::request_envelope("realtime", "subscribe", place).to_string()
}
