//! `consign dlq show`: one dead letter, with the event as it stood in the log.

use super::{Invocation, text};
use crate::{client::Client, failure::Failure};
use clap::Args;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  consign dlq show r1AQABAAEHs…
  consign dlq show r1AQABAAEHs… --json | jq .event.value";

/// Show a dead letter: why, how often, its event, and what a replay would change
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The request's id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let path = format!("/v1/dead-letters/{}", arguments.id);
    let letter = client.get(&path).await?.succeeded()?;
    invocation.output.result(&letter, letter_text)
}

fn letter_text(letter: &Value) -> String {
    let line = &letter["dead_letter"];
    let mut shown = String::new();
    for name in [
        "request_id",
        "operation",
        "key",
        "fingerprint",
        "attempts",
        "waiting",
    ] {
        let value = &line[name];
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        shown += &format!("{name:<11} {value}\n");
    }
    for failure in letter["failures"].as_array().into_iter().flatten() {
        let of = |name: &str| failure[name].as_str().unwrap_or_default();
        let (time, code, store) = (of("time"), of("code"), of("store"));
        shown += &format!(
            "failed      {time}  {code}  {store}\n            {}\n",
            of("message")
        );
    }
    for header in letter["event"]["headers"].as_array().into_iter().flatten() {
        let of = |n: usize| header[n].as_str().unwrap_or_default();
        shown += &format!("header      {}: {}\n", of(0), of(1));
    }
    let value = serde_json::to_string_pretty(&letter["event"]["value"]);
    shown += &format!("\n{}\n\n", value.unwrap_or_default());
    shown + &text::preview_text(&letter["preview"])
}
