//! `consign dlq stats`: dead letters by their cause.

use super::{
    Invocation,
    selection::{self, Filters, Selection},
    text::short,
};
use crate::{client::Client, failure::Failure, output::table};
use ::replay::{LetterCause, causes};
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
    let letters = selection::letters(&client, &filter).await?;
    let causes = causes(&letters);
    if invocation.output.json {
        for cause in &causes {
            invocation.output.result(cause, |_| String::new())?;
        }
        return Ok(());
    }
    if causes.is_empty() {
        invocation.output.line("no dead letters");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = causes.iter().map(row).collect();
    let names = [
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
    ];
    invocation.output.line(table(&names, &rows).trim_end());
    Ok(())
}

fn row(cause: &LetterCause) -> Vec<String> {
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
        short(&cause.message, 60),
    ]
}
