//! `consign session end`: ends the session that commands go by, everywhere at once, and forgets it
//! here; or another one of the same user.

use crate::{
    client::{Client, Endpoint, saved_session::forget_session},
    commands::Invocation,
    failure::Failure,
};
use clap::Args;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign session end
  consign session end --all     on every other machine, too; API keys stay valid
  consign session end 4f0e9d5c1b7a4f0e9d5c1b7a4f0e9d5c     another one of `consign session list`

The command ends when no gateway honours the session.";

/// End the session that commands go by, or another of this user
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The session of this id; without it: the one that commands go by
    #[arg(value_name = "ID", conflicts_with = "all")]
    id: Option<String>,
    /// All sessions of this user
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    if let Some(id) = &arguments.id {
        return end_one(&client, id, invocation).await;
    }
    let ended = client.ask("auth", "logout", json!({"global": arguments.all}));
    let ended = ended.await;
    // A session that the gateway does not know any more is of no use here either.
    if ended.is_ok() || ended.as_ref().is_err_and(Failure::is_of_credential) {
        forget_session(client.url())?;
    }
    ended?;
    let told = json!({"ended": if arguments.all { "all" } else { "this" }});
    invocation.output.result(&told, |_| {
        if arguments.all {
            "all sessions of this user ended".to_owned()
        } else {
            "the session ended".to_owned()
        }
    })
}

async fn end_one(client: &Client, id: &str, invocation: Invocation<'_>) -> Result<(), Failure> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let failure = Failure::usage(format!("`{id}` is no id of a session"));
        return Err(failure.hint("`consign session list` shows them"));
    }
    let path = format!("/v1/security/sessions/{id}");
    let asked = client.at(Method::DELETE, &path);
    let ended = client.send(asked.timeout(Duration::from_secs(60))).await?;
    let told = ended.succeeded()?;
    if told["current"] == true {
        forget_session(client.url())?;
    }
    invocation
        .output
        .result(&told, |_| "the session ended".to_owned())
}
