//! `consign user password`: another password for a user.

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
    password_input::PasswordSource,
};
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  consign user password meera
  pwgen 20 1 | consign user password meera --password-file -

All sessions of the user end before the answer; API keys stay valid.";

/// Set a user's password
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The user's id
    user: String,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let password = arguments.password.read_new("new password: ")?;
    let asked = json!({
        "_id": arguments.user, "strategy": "local", "body": {"password": password},
    });
    client.ask("security", "updateCredentials", asked).await?;
    let told = json!({"user": arguments.user});
    invocation.output.result(&told, |_| {
        format!(
            "{} has a new password; all sessions have ended",
            arguments.user
        )
    })
}
