//! `consign dlq export`: dead letters whole, a line of JSON each, for those who keep or compare
//! them.

use super::{
    Invocation,
    selection::{self, Filters, Selection},
};
use crate::{client::Client, failure::Failure};
use clap::Args;
use std::{fs::File, io::Write, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  consign dlq export --all > letters.ndjson
  consign dlq export --fingerprint 1f00aa93c2d4 --to letters.ndjson";

/// Write dead letters with their events, a line of JSON each; nothing is moved
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    filters: Filters,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let filter = arguments.filters.with(&arguments.selection);
    let letters = selection::fetch_letters(&client, &filter).await?;
    let mut file = arguments.to.as_ref().map(File::create).transpose()?;
    let mut count = 0;
    for letter in &letters {
        let path = format!("/v1/dead-letters/{}", letter.request_id);
        let answer = client.get(&path).await?;
        if answer.status == 404 {
            // It was moved meanwhile.
            continue;
        }
        let whole = answer.succeeded()?;
        match &mut file {
            Some(file) => writeln!(file, "{whole}")?,
            None => invocation.output.line(&whole.to_string()),
        }
        count += 1;
    }
    invocation.output.note(&format!("{count} dead letters"));
    Ok(())
}
