//! `consign login`: opens a session at a gateway and keeps it for the commands that follow.

use super::Invocation;
use crate::{
    client::{
        Client, Endpoint,
        saved_session::{SavedSession, save_session},
    },
    failure::Failure,
    password_input::PasswordSource,
};
use clap::Args;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign login root                                   asks for the password; later commands to this gateway are root's
  consign login root --url https://consign.example     each gateway has a session of its own
  export CONSIGN_TOKEN=$(consign login ci --password-file ci.password --print)

The session stands in $XDG_STATE_HOME/consign/sessions.json (~/.local/state where that is not set), readable by you alone.
CONSIGN_TOKEN, a session or an API key, goes before it. `consign session end` ends it.";

/// Open a session at a gateway, for the commands that follow
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The name that the user logs in with
    name: String,
    /// How long the session lasts: milliseconds, or as in 30m, 8h, 2d
    #[arg(long, value_name = "TIME", default_value = "8h")]
    expires_in: String,
    /// Write the session to standard output and keep it nowhere
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    // Whoever logs in is not known by what an earlier session says, which may have ended.
    let client = Client::without_credential(&arguments.client)?;
    let password = arguments.password.read("password: ")?;
    let asked = json!({
        "strategy": "local", "expiresIn": arguments.expires_in,
        "body": {"username": arguments.name, "password": password},
    });
    let answer = client.ask("auth", "login", asked).await?;
    let session = opened_session(&answer)?;
    if arguments.print {
        let told =
            json!({"user": session.user, "token": session.token, "expires_at": session.expires_at});
        return invocation.output.result(&told, |_| session.token.clone());
    }
    let told = json!({"user": session.user, "expires_at": session.expires_at});
    let user = session.user.clone();
    let file = save_session(client.url(), session)?;
    invocation.output.result(&told, |_| {
        format!(
            "logged in at {} as {user}; the session is in {}",
            client.url(),
            file.display()
        )
    })
}

fn opened_session(answer: &Value) -> Result<SavedSession, Failure> {
    let of = |name: &str| answer[name].as_str().map(str::to_owned);
    match (of("_id"), of("jwt")) {
        (Some(user), Some(token)) => Ok(SavedSession {
            user,
            token,
            expires_at: answer["expiresAt"].as_i64().unwrap_or(-1),
        }),
        _ => Err(Failure::failed("the gateway's answer holds no session")),
    }
}
