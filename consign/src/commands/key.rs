//! `consign key`: API keys, of the caller or of another user.

pub mod create;
pub mod delete;
pub mod list;

use super::Invocation;
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use clap::{Args, Subcommand};
use serde_json::Value;

/// List, create and delete API keys
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Arguments),
    Create(create::Arguments),
    Delete(delete::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, invocation).await,
        Command::Create(arguments) => create::run(arguments, invocation).await,
        Command::Delete(arguments) => delete::run(arguments, invocation).await,
    }
}

/// Whose keys.
#[derive(Debug, Args)]
struct KeyOwner {
    /// Of this user; without it: of the caller
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    #[command(flatten)]
    client: Endpoint,
}

impl KeyOwner {
    /// One's own keys need another right than those of others.
    async fn ask(&self, action: &str, mut asked: Value) -> Result<Value, Failure> {
        let client = Client::new(&self.client)?;
        match &self.user {
            None => client.ask("auth", action, asked).await,
            Some(user) => {
                asked["userId"] = user.as_str().into();
                client.ask("security", action, asked).await
            }
        }
    }
}
