//! `consign dlq stats`: dead letters by their cause.

use super::{
    Invocation,
    listing::Listing,
    selection::{self, Filters, Selection},
    text::shorten_text,
};
use crate::{client::Client, failure::Failure};
use ::replay::{LetterCause, group_causes};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign dlq stats
  consign dlq stats --since 2026-03-01T09:00:00Z --json

With --json, a line for each cause.";

/// Group the dead letters by their cause, the most frequent first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let filter = arguments.filters.with(&Selection::default());
    let letters = selection::fetch_letters(&client, &filter).await?;
    let listing = Listing {
        columns: &[
            "fingerprint",
            "letters",
            "keys",
            "waiting",
            "operation",
            "code",
            "store",
            "first",
            "last",
            "message",
        ],
        row: cause_row,
        nothing: "no dead letters",
    };
    listing.print(invocation.output, &group_causes(&letters))
}

fn cause_row(cause: &LetterCause) -> Vec<String> {
    vec![
        cause.fingerprint.clone(),
        cause.count.to_string(),
        cause.keys.to_string(),
        cause.waiting.to_string(),
        cause.operation.clone(),
        cause.code.clone(),
        cause.store.clone().unwrap_or_default(),
        cause.first.clone(),
        cause.last.clone(),
        shorten_text(&cause.message, 60),
    ]
}
