//! `consign user`: the users of a deployment, through a gateway.

pub mod create;
pub mod delete;
pub mod list;
pub mod password;
pub mod show;
pub mod update;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;
use serde_json::{Map, Value, json};
use std::path::Path;

/// List, show, create, change and delete users
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Create(create::Arguments),
    Update(update::Arguments),
    Password(password::Arguments),
    Delete(delete::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, invocation).await,
        Command::Show(arguments) => show::run(arguments, invocation).await,
        Command::Create(arguments) => create::run(arguments, invocation).await,
        Command::Update(arguments) => update::run(arguments, invocation).await,
        Command::Password(arguments) => password::run(arguments, invocation).await,
        Command::Delete(arguments) => delete::run(arguments, invocation).await,
    }
}

/// A user's fields: those of a file, and the profiles that are named.
fn user_content(file: Option<&Path>, profiles: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut content = match file {
        Some(file) => super::definition::read_object(file)?,
        None => Map::new(),
    };
    if !profiles.is_empty() {
        content.insert("profileIds".to_owned(), json!(profiles));
    }
    Ok(content)
}

fn profiles_of(user: &Value) -> String {
    let profiles = user["_source"]["profileIds"].as_array();
    let profiles = profiles.into_iter().flatten().filter_map(Value::as_str);
    profiles.collect::<Vec<_>>().join(", ")
}
