//! `consign dlq replay`: decides dead letters again, each in its place.

use super::{
    Invocation, job,
    selection::{self, JobArguments},
    text,
};
use crate::{client::Client, confirmation::ask_confirmation, failure::Failure};
use ::replay::{JobAction, JobOrder};
use clap::Args;
use reqwest::Method;
use std::time::Duration;

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
        return dry_run(client, order, invocation).await;
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

async fn dry_run(
    client: &Client,
    order: &JobOrder,
    invocation: &Invocation<'_>,
) -> Result<(), Failure> {
    let request = client.at(Method::POST, "/v1/replays").json(order);
    let request = request.timeout(Duration::from_secs(300));
    let answer = client.send(request).await?.succeeded()?;
    let items = answer["items"].as_array().into_iter().flatten();
    let (mut shown, mut failing) = (0, 0);
    for item in items {
        shown += 1;
        let verdict = item["preview"]["verdict"].as_str();
        let is_overtaken = item["preview"]["overtaken"] == true && !order.as_new;
        let would_be = matches!(verdict, Some("applied" | "discarded")) && !is_overtaken;
        failing += u64::from(!would_be);
        if invocation.output.json {
            invocation.output.line(&item.to_string());
            continue;
        }
        let of = |name: &str| item[name].as_str().unwrap_or_default();
        let told = match item["problem"]["detail"].as_str() {
            Some(why) => format!("cannot be: {why}\n"),
            None => text::preview_text(&item["preview"]),
        };
        let line = format!("{}  {}  {told}", of("request_id"), of("key"));
        invocation.output.line(line.trim_end());
    }
    let total = answer["total"].as_u64().unwrap_or(0);
    invocation
        .output
        .note(&format!("{shown} of {total} shown; nothing was done"));
    if total == 0 && !order.select.requests.is_empty() {
        return Err(Failure::failed("no dead letter of these requests waits"));
    }
    if failing > 0 {
        return Err(Failure::failed(format!(
            "{failing} of them would not be applied"
        )));
    }
    Ok(())
}
