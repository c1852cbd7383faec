//! `consign dlq floods`: partitions that wait because too many events would become dead letters.

use super::{Invocation, listing::Listing, text::shorten_text};
use crate::{client::Client, failure::Failure};
use clap::Args;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  consign dlq floods
  consign dlq floods --json | jq -r .operation

With --json, a line for each. `consign dlq pass` lets them go on.";

/// List partitions that wait instead of making ever more dead letters
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let answer = client.get("/v1/floods").await?.succeeded()?;
    let floods = answer["floods"].as_array().cloned().unwrap_or_default();
    let listing = Listing {
        columns: &[
            "partition",
            "since",
            "operation",
            "code",
            "fingerprint",
            "store",
            "letters",
            "offset",
            "message",
        ],
        row: flood_row,
        nothing: "no partition waits",
    };
    listing.print(invocation.output, &floods)
}

fn flood_row(flood: &Value) -> Vec<String> {
    let of = |name: &str| flood[name].as_str().unwrap_or_default().to_owned();
    vec![
        flood["partition"].to_string(),
        of("since"),
        of("operation"),
        of("code"),
        of("fingerprint"),
        of("store"),
        flood["letters"].to_string(),
        flood["offset"].to_string(),
        shorten_text(&of("message"), 60),
    ]
}
