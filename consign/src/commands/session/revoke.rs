//! `consign session revoke`: ends every session of a user, whoever has them.

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
};
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  consign session revoke meera

API keys are revoked as well. The command ends when no gateway honours them.";

/// End every session and API key of a user
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The user's id
    user: String,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    client
        .ask("security", "revokeTokens", json!({"_id": arguments.user}))
        .await?;
    let told = json!({"revoked": arguments.user});
    invocation.output.result(&told, |_| {
        format!(
            "no session or API key of {} is valid any longer",
            arguments.user
        )
    })
}
