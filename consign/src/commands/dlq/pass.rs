//! `consign dlq pass`: the one command by which partitions go on that wait because of a flood.

use super::Invocation;
use crate::{client::Client, confirmation::ask_confirmation, failure::Failure};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign dlq pass --operation user.create --reason 'the client was mended, these are lost anyway'
  consign dlq pass --fingerprint 42960f43ce51 --seconds 600
  consign dlq pass --all

Partitions that wait go on within a second, and make dead letters of what is dead. Where the cause can be mended instead
(a mapping, a catalog, a worker's version), mend it: what waits is tried again by itself.";

/// Let dead letters happen, however many come, for a while
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("passage").required(true).multiple(false)))]
pub struct Arguments {
    /// Those of this operation
    #[arg(long, short, value_name = "NAME", group = "passage")]
    operation: Option<String>,
    /// Those with this fingerprint
    #[arg(long, value_name = "HEX", group = "passage")]
    fingerprint: Option<String>,
    /// All
    #[arg(long, group = "passage")]
    all: bool,
    /// For this long
    #[arg(long, value_name = "N", default_value_t = 3_600)]
    seconds: u64,
    /// The reason, kept
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    ask_confirmation(
        "Let these events become dead letters, however many there are?",
        arguments.yes,
    )?;
    let mut asked = json!({"seconds": arguments.seconds});
    for (name, value) in [
        ("operation", arguments.operation),
        ("fingerprint", arguments.fingerprint),
        ("reason", arguments.reason),
    ] {
        if let Some(value) = value {
            asked[name] = value.into();
        }
    }
    if arguments.all {
        asked["all"] = true.into();
    }
    let request = client.at(Method::POST, "/v1/floods/_pass").json(&asked);
    let answer = client.send(request).await?.succeeded()?;
    let shown = |answer: &Value| {
        let until = answer["until"].as_str().unwrap_or_default();
        format!("they pass until {until}")
    };
    invocation.output.result(&answer, shown)
}
