//! `consign dlq purge`: gives up what is settled anyway, or what a person names, after saying what is
//! lost with it. It is a discard like any other: the owner of each key decides it, with the reason, so
//! nothing goes without a record.

use super::{
    Invocation, job,
    selection::{self, Filters, Selection},
    text,
};
use crate::{client::Client, confirmation::ask_confirmation, failure::Failure};
use ::replay::{DeadLetterFilter, DeadLetterLine, JobAction, JobOrder};
use clap::Args;
use reqwest::Method;
use std::{io::IsTerminal, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign dlq purge --reason 'overtaken' --dry-run
  consign dlq purge --reason 'overtaken' --until 2026-03-01T00:00:00Z --yes
  consign dlq purge --fingerprint 1f00aa93c2d4 --give-up --reason 'test data' --yes

Settled is what a later event of its key has overtaken: no replay would apply it. With --give-up also
others, which must be named. Each request ends refused (discarded) with the reason, and what is
parked behind it follows. Exit 0 if every one was given up. With --json, a line for each.";

/// Give up dead letters that are settled, or named, after showing what would be lost
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only these requests; repeatable
    #[arg(long, value_name = "ID")]
    request: Vec<String>,
    /// Only those held under this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only with this fingerprint
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    #[command(flatten)]
    filters: Filters,
    /// Also those that are not settled, of a request, key or cause that is named
    #[arg(long)]
    give_up: bool,
    /// The reason, shown to the client and kept
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Dry run: show what would be lost
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let is_said = arguments.yes || arguments.dry_run || std::io::stdin().is_terminal();
    if !is_said {
        let why = "what is given up cannot be had back: confirm with --yes";
        return Err(Failure::usage(why));
    }
    let filter = arguments.filters.with(&Selection {
        request: arguments.request,
        key: arguments.key,
        fingerprint: arguments.fingerprint,
        all: false,
    });
    if arguments.give_up {
        let named = filter.check_selection();
        named.map_err(|_| Failure::usage("--give-up: name --request, --key or --fingerprint"))?;
    }
    let client = Client::new(&arguments.client)?;
    let found = selection::fetch_letters(&client, &filter).await?;
    let (chosen, left): (Vec<DeadLetterLine>, Vec<DeadLetterLine>) = found
        .into_iter()
        .partition(|letter| letter.overtaken || arguments.give_up);
    if !left.is_empty() {
        let count = left.len();
        let note = format!("{count} others are not settled; --give-up purges those that are named");
        invocation.output.note(&note);
    }
    if chosen.is_empty() {
        invocation.output.note("nothing to purge");
        return Ok(());
    }
    let select = DeadLetterFilter {
        requests: chosen.iter().map(|one| one.request_id.clone()).collect(),
        ..DeadLetterFilter::default()
    };
    if arguments.dry_run || !invocation.output.json {
        show_loss(&client, &select, &invocation).await?;
    }
    if arguments.dry_run {
        return Ok(());
    }
    let waiting: u64 = chosen.iter().map(|letter| letter.waiting).sum();
    let count = chosen.len();
    let question = format!("give up {count} dead letters? ({waiting} parked behind them follow)");
    ask_confirmation(&question, arguments.yes)?;
    let order = JobOrder {
        action: JobAction::Discard,
        select,
        reason: Some(arguments.reason),
        ..JobOrder::default()
    };
    job::start_job(&client, &order, &invocation).await
}

/// What each would have changed if it were applied now.
async fn show_loss(
    client: &Client,
    select: &DeadLetterFilter,
    invocation: &Invocation<'_>,
) -> Result<(), Failure> {
    let order = JobOrder {
        action: JobAction::Replay,
        select: select.clone(),
        dry_run: true,
        as_new: true,
        ..JobOrder::default()
    };
    let request = client.at(Method::POST, "/v1/replays").json(&order);
    let request = request.timeout(Duration::from_secs(300));
    let answer = client.send(request).await?.succeeded()?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    for item in &items {
        if invocation.output.json {
            invocation.output.line(&item.to_string());
            continue;
        }
        let of = |name: &str| item[name].as_str().unwrap_or_default();
        let (request, key, operation) = (of("request_id"), of("key"), of("operation"));
        let loss = match item["problem"]["detail"].as_str() {
            Some(why) => format!("cannot be applied: {why}\n"),
            None => text::preview_text(&item["preview"]),
        };
        let line = format!("lost: {request}  {key}  {operation}  {loss}");
        invocation.output.line(line.trim_end());
    }
    let (shown, total) = (items.len(), answer["total"].as_u64().unwrap_or(0));
    if (shown as u64) < total {
        invocation.output.note(&format!("{shown} of {total} shown"));
    }
    Ok(())
}
