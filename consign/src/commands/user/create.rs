//! `consign user create`: a user with profiles and, unless told otherwise, a name and a password.

use super::user_content;
use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
    password_input::PasswordSource,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  consign user create meera --profile editor                asks for the password
  consign user create meera --profile editor --profile reader --name meera@example.org --password-file meera.password
  consign user create robot --profile ingest --no-password  a user of API keys: consign key create --user robot
  consign user create meera --profile editor --fields meera.json";

/// Create a user
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The user's id
    user: String,
    /// What the user may do; can be repeated
    #[arg(long, value_name = "ID", required = true)]
    profile: Vec<String>,
    /// The name to log in with, if it is not the id
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// JSON file of further fields, - for standard input
    #[arg(long, value_name = "FILE")]
    fields: Option<PathBuf>,
    /// Without a password: for API keys, and for issuers of tokens
    #[arg(long, conflicts_with_all = ["password_file", "name"])]
    no_password: bool,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let content = user_content(arguments.fields.as_deref(), &arguments.profile)?;
    let credentials = if arguments.no_password {
        json!({})
    } else {
        let name = arguments.name.as_ref().unwrap_or(&arguments.user);
        let password = arguments.password.read_new("password of the user: ")?;
        json!({"local": {"username": name, "password": password}})
    };
    let asked = json!({
        "_id": arguments.user, "body": {"content": content, "credentials": credentials},
    });
    let created = client.ask("security", "createUser", asked).await?;
    invocation.output.result(&created, |created| {
        format!(
            "created user {}",
            created["_id"].as_str().unwrap_or_default()
        )
    })
}
