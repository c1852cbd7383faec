//! `consign session show`: by which user commands go at a gateway, until when, with which profiles.

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
};
use clap::Args;
use event_schema::codec;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign session show
  consign session show --json | jq .profiles

Exit 0 if there is a session or key that is valid, 1 if commands go without.";

/// Show the user, profiles and end of the session that commands go by
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let token = json!({"body": {"token": client.token()}});
    // A session that ended is an error of the first of these, which says so.
    let user = client.ask("auth", "getCurrentUser", json!({})).await?;
    let checked = client.ask("auth", "checkToken", token).await?;
    let is_anonymous = user["_id"] == "-1";
    let told = json!({
        "user": if is_anonymous { &Value::Null } else { &user["_id"] },
        "profiles": user["_source"]["profileIds"],
        "expires_at": checked["expiresAt"],
        "url": client.url(),
    });
    invocation.output.result(&told, text)?;
    if is_anonymous {
        Err(Failure::told())
    } else {
        Ok(())
    }
}

fn text(told: &Value) -> String {
    let url = told["url"].as_str().unwrap_or_default();
    let profiles = told["profiles"].as_array().into_iter().flatten();
    let profiles: Vec<&str> = profiles.filter_map(Value::as_str).collect();
    let profiles = profiles.join(", ");
    match told["user"].as_str() {
        None => format!("anonymous at {url}, profiles {profiles}: `consign login NAME`"),
        Some(user) => {
            let until = match told["expires_at"].as_i64() {
                Some(time) if time >= 0 => format!("until {}", codec::rfc3339(time)),
                _ => "without end".to_owned(),
            };
            format!("{user} at {url}, profiles {profiles}, {until}")
        }
    }
}
