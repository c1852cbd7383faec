//! `consign key create`: an API key, whose secret is told this once.

use super::KeyOwner;
use crate::{commands::Invocation, failure::Failure};
use clap::Args;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign key create 'nightly import' --expires-in 90d
  consign key create 'ingest' --user robot > robot.key
  CONSIGN_TOKEN=$(cat robot.key) consign session show

The key is written to standard output and is not shown again: what is kept is its hash.";

/// Create an API key
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What it is for
    description: String,
    /// The key's id; without it, one is made
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// How long it is valid: milliseconds, or as in 12h, 90d; without it: without end
    #[arg(long, value_name = "TIME")]
    expires_in: Option<String>,
    #[command(flatten)]
    owner: KeyOwner,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut asked = json!({"body": {"description": arguments.description}});
    for (name, value) in [("_id", arguments.id), ("expiresIn", arguments.expires_in)] {
        if let Some(value) = value {
            asked[name] = value.into();
        }
    }
    let created = arguments.owner.ask("createApiKey", asked).await?;
    let id = created["_id"].as_str().unwrap_or_default();
    invocation
        .output
        .note(&format!("API key {id}; it is not shown again:"));
    invocation.output.result(&created, |created: &Value| {
        created["_source"]["token"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    })
}
