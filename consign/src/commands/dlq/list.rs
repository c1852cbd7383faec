//! `consign dlq list`: a line per dead letter.

use super::{
    Invocation,
    listing::Listing,
    selection::{self, Filters, Selection},
    text::shorten_text,
};
use crate::{client::Client, failure::Failure};
use ::replay::DeadLetterLine;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign dlq list
  consign dlq list --operation user.create --limit 200 --url http://10.0.0.5:8080
  consign dlq list --json | jq -r .fingerprint | sort | uniq -c

With --json, a line for each.";

/// List the dead letters, the newest last
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only under this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only with this fingerprint
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    #[command(flatten)]
    filters: Filters,
    /// At most this many, the newest
    #[arg(long, short = 'n', value_name = "COUNT")]
    limit: Option<usize>,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let selection = Selection {
        key: arguments.key,
        fingerprint: arguments.fingerprint,
        ..Selection::default()
    };
    let filter = arguments.filters.with(&selection);
    let mut letters = selection::fetch_letters(&client, &filter).await?;
    let limit = arguments.limit.unwrap_or(usize::MAX);
    letters.drain(..letters.len().saturating_sub(limit));
    let listing = Listing {
        columns: &[
            "request",
            "key",
            "operation",
            "code",
            "fingerprint",
            "store",
            "time",
            "attempts",
            "waiting",
            "message",
        ],
        row: letter_row,
        nothing: "no dead letters",
    };
    listing.print(invocation.output, &letters)
}

fn letter_row(letter: &DeadLetterLine) -> Vec<String> {
    vec![
        letter.request_id.clone(),
        letter.key.clone(),
        letter.operation.clone(),
        letter.code.clone(),
        letter.fingerprint.clone(),
        letter.store.clone().unwrap_or_default(),
        letter.time.clone(),
        letter.attempts.to_string(),
        letter.waiting.to_string(),
        shorten_text(&letter.message, 60),
    ]
}
