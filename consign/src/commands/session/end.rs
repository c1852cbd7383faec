//! `consign session end`: ends the session that commands go by, everywhere at once, and forgets it
//! here.

use crate::{
    client::{Client, Endpoint, saved_session::forget_session},
    commands::Invocation,
    failure::Failure,
};
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  consign session end
  consign session end --all     on every other machine, too; API keys stay valid

The command ends when no gateway honours the session.";

/// End the session that commands go by
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// All sessions of this user
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
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
