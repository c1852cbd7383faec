//! `consign dlq discard`: gives dead letters up.

use super::{
    Invocation,
    replay::run_order,
    selection::{Filters, Selection},
};
use crate::{client::Client, failure::Failure};
use ::replay::{JobAction, JobOrder};
use clap::Args;
use std::io::IsTerminal;

const EXAMPLES: &str = "\
Examples:
  consign dlq discard --request r1AQABAAEHs… --reason 'sent twice by hand' --yes
  consign dlq discard --fingerprint 1f00aa93c2d4 --dry-run

The request ends refused (discarded), and what is parked behind it follows. Exit 0 if every one was given up.";

/// Give dead letters up; what is parked behind them follows without them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    filters: Filters,
    /// Show which, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// So many a second at most
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Why, for the client and for those who look later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask; a script must say it
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let is_said = arguments.yes || arguments.dry_run || std::io::stdin().is_terminal();
    if !is_said {
        return Err(Failure::usage(
            "what is given up is gone for good: say --yes",
        ));
    }
    let client = Client::new(&arguments.client)?;
    let order = JobOrder {
        action: JobAction::Discard,
        select: arguments.filters.with(&arguments.selection),
        dry_run: arguments.dry_run,
        rate: arguments.rate,
        reason: arguments.reason,
        as_new: false,
        patch: None,
    };
    run_order(&client, &order, arguments.yes, &invocation).await
}
