//! `consign torture`: a load from a seed against a fleet that is killed, frozen and cut off, and the
//! judge's verdict on what clients saw. What is done and judged is the crate `torture`'s.

mod fleet;
mod report;

use super::Invocation;
use crate::failure::Failure;
use ::torture::{
    history::RunHistory,
    run::{TortureOptions, TortureReport, TortureVerdict, run_torture},
    workload::WorkloadOptions,
};
use clap::Args;
use std::{path::PathBuf, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign torture                                      `consign dev` in a folder of its own, killed and frozen for a minute
  consign torture --seed 7 --seconds 600 --keep run    the same load and faults again; data, logs and history stay in `run`
  consign torture --on-servers --config production.toml --gateways 2 --workers 2
  consign torture --gateway http://127.0.0.1:8080      a fleet that runs already: load and judge, no faults
  consign torture --judge run/history.json             judges a recorded history once more

On servers it makes topics, a keyspace and indices of its own, and leaves them. Never point it at servers that others need: --outage takes
them away.

Exit codes: 0 nothing was found, 1 something was, 2 usage, 3 it could not be tried.";

/// Write under faults, record what clients saw, and judge it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Seed of the load and the faults [default: a random one, which is shown]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How long the load goes on
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..))]
    seconds: u64,
    /// How long to wait for verdicts after the load, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    patience: u64,
    /// Clients that write at the same time
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    clients: u16,
    /// Pause between two writes of a client, milliseconds
    #[arg(long, value_name = "MILLIS", default_value_t = 20)]
    pause: u64,
    #[command(flatten)]
    fleet: fleet::FleetArguments,
    /// Keep data, logs and the history in this folder, which must not be there yet
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Only judge the history that was kept in this file
    #[arg(long, value_name = "FILE")]
    judge: Option<PathBuf>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    if let Some(file) = &arguments.judge {
        return judge_file(file, invocation);
    }
    let kind = arguments.fleet.kind(invocation)?;
    let program = std::env::current_exe()?;
    let (folder, _temporary) = run_folder(arguments.keep.as_deref())?;
    let options = TortureOptions {
        fleet: kind,
        program,
        folder: folder.clone(),
        duration: Duration::from_secs(arguments.seconds),
        patience: Duration::from_secs(arguments.patience),
        workload: arguments.workload(),
    };
    let progress = report::TortureLines::new(invocation.output.json);
    let run = run_torture(options, progress.observer());
    let ended = tokio::select! {
        ended = run => ended,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    progress.end();
    let (report, history) =
        ended.map_err(|error| Failure::failed(format!("{error:#}")).could_not_look())?;
    if arguments.keep.is_some() {
        std::fs::write(folder.join("history.json"), json_of(&history)?)?;
    }
    report_outcome(&report, invocation)
}

impl Arguments {
    fn workload(&self) -> WorkloadOptions {
        WorkloadOptions {
            seed: self
                .seed
                .unwrap_or_else(|| u64::from(runtime::random::<u32>())),
            clients: usize::from(self.clients),
            own_keys: 16,
            shared_keys: 16,
            pairs: 60,
            pause: Duration::from_millis(self.pause),
            patience: self.patience * 1_000,
            has_pairs: true,
            has_view: false,
        }
    }
}

/// Where the run lives; a temporary folder goes when the second value does.
fn run_folder(
    keep: Option<&std::path::Path>,
) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    let Some(keep) = keep else {
        let temporary = tempfile::Builder::new()
            .prefix("consign-torture-")
            .tempdir()?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    std::fs::create_dir(keep)
        .map_err(|error| Failure::usage(format!("{}: {error}", keep.display())))?;
    Ok((std::fs::canonicalize(keep)?, None))
}

fn judge_file(file: &std::path::Path, invocation: Invocation<'_>) -> Result<(), Failure> {
    let unread = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| unread(error.to_string()))?;
    let history: RunHistory =
        serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
    report_outcome(&TortureReport::of_history(&history), invocation)
}

fn report_outcome(report: &TortureReport, invocation: Invocation<'_>) -> Result<(), Failure> {
    invocation.output.result(report, report::report_text)?;
    match report.verdict {
        TortureVerdict::Passed => Ok(()),
        TortureVerdict::Failed => Err(Failure::told()),
    }
}

fn json_of(history: &RunHistory) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(history).map_err(|error| Failure::failed(error.to_string()))
}
