//! `consign key list`: API keys without their secrets.

use super::KeyOwner;
use crate::{commands::Invocation, failure::Failure, output::format_found};
use clap::Args;
use event_schema::codec;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign key list
  consign key list --user robot

A key that was made a moment ago may be missing for a second.";

/// List API keys
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    owner: KeyOwner,
    /// How many are shown
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let asked = json!({"from": 0, "size": arguments.limit, "body": {}});
    let found = arguments.owner.ask("searchApiKeys", asked).await?;
    let told = json!({"keys": found["hits"], "total": found["total"]});
    invocation.output.result(&told, text)
}

fn text(told: &Value) -> String {
    let keys = told["keys"].as_array().into_iter().flatten();
    let rows: Vec<_> = keys.map(key_row).collect();
    let names = ["key", "description", "valid until"];
    format_found("there are no API keys", &names, &rows, &told["total"])
}

fn key_row(key: &Value) -> Vec<String> {
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let until = match key["_source"]["expiresAt"].as_i64() {
        Some(time) if time >= 0 => codec::rfc3339(time),
        _ => "without end".to_owned(),
    };
    vec![of(&key["_id"]), of(&key["_source"]["description"]), until]
}
