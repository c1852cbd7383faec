//! `consign-bench memory`: resident memory of `consign dev`, idle and after many writes.

use crate::{environment::BenchEnvironment, workload};
use clap::Args;
use consign::commands::Invocation;
use consign::{failure::Failure, output::format_table, settings::LogKind};
use serde::Serialize;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign-bench memory
  consign-bench memory --writes 1000000 --json";

const MIB: f64 = (1 << 20) as f64;
const BULK: u64 = 20_000;

/// Memory of `consign dev`, idle and while it writes
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Documents of 1 KiB to write
    #[arg(long, default_value_t = 300_000)]
    writes: u64,
    /// Different documents: each is written again and again, so that the stores stay small
    #[arg(long, default_value_t = 20_000)]
    documents: u64,
}

#[derive(Serialize)]
struct Report {
    bench: &'static str,
    idle_mib: f64,
    idle_aim_mib: f64,
    /// Memory after so many writes.
    seen: Vec<Seen>,
    /// From a tenth of the writes to the last.
    growth_mib: f64,
}

#[derive(Serialize)]
struct Seen {
    writes: u64,
    mib: f64,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut environment = BenchEnvironment::make(invocation, &[]).await?;
    if environment.settings.log.kind != LogKind::Embedded {
        return Err(Failure::usage(
            "this measures `consign dev`, which runs on files: leave log.kind at `embedded`",
        ));
    }
    let client = environment.whole().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = environment.resident()? as f64 / MIB;
    workload::create_collection(&client).await?;
    let (mut seen, mut written) = (Vec::new(), 0);
    while written < arguments.writes {
        let first = written % arguments.documents.max(1);
        let count = BULK
            .min(arguments.writes - written)
            .min(arguments.documents.max(1) - first);
        let token =
            workload::send_bulk(&client, workload::bulk(first..first + count), count).await?;
        workload::until_applied(&client, &token).await?;
        written += count;
        seen.push(Seen {
            writes: written,
            mib: environment.resident()? as f64 / MIB,
        });
    }
    environment.end().await?;
    // Caches and what is remembered of requests fill first; from then on nothing may grow.
    let full = seen
        .iter()
        .find(|seen| seen.writes >= arguments.writes / 2)
        .map_or(idle, |seen| seen.mib);
    let growth = seen.last().map_or(0.0, |seen| seen.mib - full);
    let report = Report {
        bench: "memory",
        idle_mib: idle,
        idle_aim_mib: 80.0,
        seen,
        growth_mib: growth,
    };
    invocation.output.result(&report, |report| {
        let step = report.seen.len().div_ceil(10).max(1);
        let rows: Vec<_> = report
            .seen
            .iter()
            .skip(step - 1)
            .step_by(step)
            .map(|seen| vec![seen.writes.to_string(), format!("{:.1}", seen.mib)])
            .collect();
        format!(
            "idle {:.1} MiB, aim {:.0}\n{}growth over the second half {:.1} MiB\n",
            report.idle_mib,
            report.idle_aim_mib,
            format_table(&["writes", "MiB"], &rows),
            report.growth_mib
        )
    })
}
