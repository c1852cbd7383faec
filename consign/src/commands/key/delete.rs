//! `consign key delete`: an API key, which no gateway honours any more afterwards.

use super::KeyOwner;
use crate::{commands::Invocation, confirmation::ask_confirmation, failure::Failure};
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  consign key delete 5f3c… --yes
  consign key delete nightly --user robot

The command ends when no gateway honours it.";

/// Delete an API key
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The key's id, as `consign key list` shows it
    id: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    owner: KeyOwner,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    ask_confirmation(&format!("Delete API key {}?", arguments.id), arguments.yes)?;
    arguments
        .owner
        .ask("deleteApiKey", json!({"_id": arguments.id}))
        .await?;
    let told = json!({"deleted": arguments.id});
    invocation
        .output
        .result(&told, |_| format!("deleted API key {}", arguments.id))
}
