//! `consign dlq jobs`: the newest jobs of replays and discards.

use super::{Invocation, listing::Listing, text::shorten_text};
use crate::{client::Client, failure::Failure};
use clap::Args;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  consign dlq jobs
  consign dlq jobs --json | jq -r 'select(.state == \"interrupted\").id'

With --json, a line for each.";

/// List jobs of replays and discards, the newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let answer = client.get("/v1/replays").await?.succeeded()?;
    let jobs = answer["replays"].as_array().cloned().unwrap_or_default();
    let listing = Listing {
        columns: &["job", "action", "state", "done", "created", "by", "reason"],
        row: job_row,
        nothing: "no jobs",
    };
    listing.print(invocation.output, &jobs)
}

fn job_row(job: &Value) -> Vec<String> {
    let of = |name: &str| job[name].as_str().unwrap_or_default().to_owned();
    let reason = job["order"]["reason"].as_str().unwrap_or_default();
    let waits = job["waits"].as_str().map(|why| format!("waits: {why}"));
    vec![
        of("id"),
        of("action"),
        of("state"),
        format!("{} of {}", job["done"], job["total"]),
        of("created"),
        of("principal"),
        shorten_text(&waits.unwrap_or_else(|| reason.to_owned()), 60),
    ]
}
