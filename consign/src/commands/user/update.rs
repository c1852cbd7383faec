//! `consign user update`: other profiles or fields for a user.

use super::{profiles_of, user_content};
use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  consign user update meera --profile editor --profile reader     these and no others
  echo '{\"city\": \"Pune\"}' | consign user update meera --fields -  other fields stay

The answer comes when every gateway goes by the new profiles.";

/// Change a user's profiles or fields
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)))]
pub struct Arguments {
    /// The user's id
    user: String,
    /// The profiles from now on; can be repeated
    #[arg(long, value_name = "ID", group = "change")]
    profile: Vec<String>,
    /// JSON file of fields, - for standard input
    #[arg(long, value_name = "FILE", group = "change")]
    fields: Option<PathBuf>,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let content = user_content(arguments.fields.as_deref(), &arguments.profile)?;
    let asked = json!({"_id": arguments.user, "body": content});
    let updated = client.ask("security", "updateUser", asked).await?;
    invocation.output.result(&updated, |updated: &Value| {
        let user = updated["_id"].as_str().unwrap_or_default();
        format!("updated user {user}, profiles {}", profiles_of(updated))
    })
}
