//! `consign dlq discard`: gives dead letters up.

use super::{Invocation, replay::run_order, selection::JobArguments};
use crate::{client::Client, failure::Failure};
use ::replay::JobAction;
use clap::Args;
use std::io::IsTerminal;

const EXAMPLES: &str = "\
Examples:
  consign dlq discard --request r1AQABAAEHs… --reason 'sent twice by hand' --yes
  consign dlq discard --fingerprint 1f00aa93c2d4 --dry-run

The request ends refused (discarded), and what is parked behind it follows. Exit 0 if every one was given up.";

/// Discard dead letters; events parked behind them are decided without them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    job: JobArguments,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let is_said = arguments.job.yes || arguments.job.dry_run || std::io::stdin().is_terminal();
    if !is_said {
        return Err(Failure::usage(
            "discarding cannot be undone: confirm with --yes",
        ));
    }
    let client = Client::new(&arguments.job.client)?;
    let order = arguments.job.order(JobAction::Discard, false, None);
    run_order(&client, &order, arguments.job.yes, &invocation).await
}
