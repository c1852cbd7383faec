//! `consign dlq replay`: decides dead letters again, each in its place.

use super::{
    Invocation, dry_run, job,
    selection::{self, JobArguments},
};
use crate::{client::Client, confirmation::ask_confirmation, failure::Failure};
use ::replay::{JobAction, JobOrder};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign dlq replay --request r1AQABAAEHs… --dry-run
  consign dlq replay --fingerprint 1f00aa93c2d4 --rate 100 --reason 'mapping mended' --yes
  consign dlq replay --all --operation user.create

What is parked behind a dead letter follows by itself, in order. Exit 0 if every one ended applied; of a
dry run, if each would.
With --json, a line for each.";

/// Replay dead letters in their place; events parked behind them follow
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    job: JobArguments,
    /// Also those that later events of their key have overtaken
    #[arg(long)]
    as_new: bool,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.job.client)?;
    let order = arguments
        .job
        .order(JobAction::Replay, arguments.as_new, None);
    run_order(&client, &order, arguments.job.yes, &invocation).await
}

/// Shows what would come of it, or asks and does it.
pub async fn run_order(
    client: &Client,
    order: &JobOrder,
    yes: bool,
    invocation: &Invocation<'_>,
) -> Result<(), Failure> {
    if order.dry_run {
        return dry_run::dry_run(client, order, invocation).await;
    }
    let found = selection::fetch_letters(client, &order.select).await?;
    if found.is_empty() && order.select.requests.is_empty() {
        invocation.output.note("no dead letters");
        return Ok(());
    }
    let waiting: u64 = found.iter().map(|letter| letter.waiting).sum();
    let verb = match order.action {
        JobAction::Replay => "replay",
        JobAction::Discard => "give up",
    };
    let count = found.len();
    let question = format!("{verb} {count} dead letters? ({waiting} parked behind them follow)");
    ask_confirmation(&question, yes)?;
    job::start_job(client, order, invocation).await
}
