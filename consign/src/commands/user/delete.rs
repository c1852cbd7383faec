//! `consign user delete`: users, with their passwords, keys and sessions.

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    confirmation::ask_confirmation,
    failure::Failure,
};
use clap::Args;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign user delete meera
  consign user delete meera tobias --yes

What they wrote stays. The command ends when no gateway honours their sessions and keys.";

/// Delete users, their passwords, API keys and sessions
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The users' ids
    #[arg(required = true, value_name = "USER")]
    users: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let users = &arguments.users;
    ask_confirmation(&format!("Delete {}?", users.join(", ")), arguments.yes)?;
    let asked = json!({"body": {"ids": users}});
    let deleted = client.ask("security", "mDeleteUsers", asked).await?;
    let deleted = deleted.as_array().cloned().unwrap_or_default();
    let missing: Vec<&String> = users
        .iter()
        .filter(|user| !deleted.contains(&json!(user)))
        .collect();
    let told = json!({"deleted": deleted, "not_deleted": missing});
    invocation.output.result(&told, |told: &Value| {
        let line = |of: &str, verb: &str| {
            let ids = told[of].as_array().into_iter().flatten();
            ids.map(|id| format!("{verb} {}\n", id.as_str().unwrap_or_default()))
                .collect::<String>()
        };
        line("deleted", "deleted") + &line("not_deleted", "not there:")
    })?;
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::told())
    }
}
