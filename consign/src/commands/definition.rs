//! `consign role` and `consign profile`: definitions in JSON that stand under an id. Both are
//! listed, shown, set and deleted alike; what differs is a table.

use super::Invocation;
use crate::{
    client::{Client, Endpoint},
    confirmation::ask_confirmation,
    failure::Failure,
    output::format_table,
};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// What is said and asked of one kind of definition.
pub struct DefinitionKind {
    pub noun: &'static str,
    pub search: &'static str,
    pub get: &'static str,
    pub set: &'static str,
    pub delete: &'static str,
    /// The argument by which names that are not known are taken (true) or refused (false).
    pub unknown_names: fn(bool) -> (&'static str, bool),
    /// The heading of the column, and what a definition shows in it.
    pub summary: (&'static str, fn(&Value) -> String),
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all
    List(ListArguments),
    /// Show one as JSON, as `set` takes it
    Show(ShowArguments),
    /// Create one, or replace it as a whole
    Set(SetArguments),
    /// Delete those that are not in use
    Delete(DeleteArguments),
}

#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    client: Endpoint,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Its id
    id: String,
    #[command(flatten)]
    client: Endpoint,
}

#[derive(Debug, Args)]
pub struct SetArguments {
    /// Its id
    id: String,
    /// JSON file of the definition, - for standard input
    file: PathBuf,
    /// Take names that this deployment does not know: controllers of roles, places of profiles
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    client: Endpoint,
}

#[derive(Debug, Args)]
pub struct DeleteArguments {
    /// Their ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(
    kind: &DefinitionKind,
    command: Command,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list(kind, arguments, invocation).await,
        Command::Show(arguments) => show(kind, arguments, invocation).await,
        Command::Set(arguments) => set(kind, arguments, invocation).await,
        Command::Delete(arguments) => delete(kind, arguments, invocation).await,
    }
}

/// What is refused of names that are not known, unless they are taken.
const TAKEN_BY_FORCE: [&str; 3] = [
    "security.role.unknown_controller",
    "services.storage.unknown_index",
    "services.storage.unknown_collection",
];
/// How many a page of a listing has.
const PAGE: usize = 500;

async fn list(
    kind: &DefinitionKind,
    arguments: ListArguments,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let mut found = Vec::new();
    loop {
        let asked = json!({"from": found.len(), "size": PAGE, "body": {}});
        let mut page = client.ask("security", kind.search, asked).await?;
        let total = page["total"].as_u64().unwrap_or(0);
        let hits = page["hits"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        let is_last = hits.is_empty();
        found.extend(hits);
        if is_last || found.len() as u64 >= total {
            break;
        }
    }
    found.sort_by(|a, b| a["_id"].as_str().cmp(&b["_id"].as_str()));
    invocation.output.result(&found, |found| {
        let row = |one: &Value| {
            vec![
                one["_id"].as_str().unwrap_or_default().to_owned(),
                (kind.summary.1)(&one["_source"]),
            ]
        };
        format_table(
            &[kind.noun, kind.summary.0],
            &found.iter().map(row).collect::<Vec<_>>(),
        )
    })
}

async fn show(
    kind: &DefinitionKind,
    arguments: ShowArguments,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let found = client
        .ask("security", kind.get, json!({"_id": arguments.id}))
        .await?;
    let mut definition = found["_source"].clone();
    if let Some(members) = definition.as_object_mut() {
        // Who wrote it and when is kept beside; `set` does not take it.
        members.remove("_kuzzle_info");
    }
    invocation.output.result(&definition, |definition| {
        serde_json::to_string_pretty(definition).unwrap_or_else(|_| definition.to_string())
    })
}

async fn set(
    kind: &DefinitionKind,
    arguments: SetArguments,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let body = read_object(&arguments.file)?;
    let mut asked = json!({"_id": arguments.id, "body": body});
    let (name, value) = (kind.unknown_names)(arguments.force);
    asked[name] = value.into();
    let written = client.ask("security", kind.set, asked).await;
    let written = written.map_err(|failure| match failure.code.as_deref() {
        Some(code) if TAKEN_BY_FORCE.contains(&code) => {
            failure.hint("--force takes names that this deployment does not know")
        }
        _ => failure,
    })?;
    invocation.output.result(&written, |written| {
        format!(
            "{} {} holds on every gateway",
            kind.noun,
            written["_id"].as_str().unwrap_or_default()
        )
    })
}

async fn delete(
    kind: &DefinitionKind,
    arguments: DeleteArguments,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    ask_confirmation(
        &format!("Delete {} {}?", kind.noun, arguments.ids.join(", ")),
        arguments.yes,
    )?;
    for id in &arguments.ids {
        client
            .ask("security", kind.delete, json!({"_id": id}))
            .await?;
        invocation
            .output
            .note(&format!("deleted {} {id}", kind.noun));
    }
    let told = json!({"deleted": arguments.ids});
    if invocation.output.json {
        invocation.output.result(&told, Value::to_string)?;
    }
    Ok(())
}

/// An object in a JSON file, `-` for standard input.
pub fn read_object(file: &Path) -> Result<Map<String, Value>, Failure> {
    let named = |why: &dyn std::fmt::Display| Failure::usage(format!("{}: {why}", file.display()));
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    match serde_json::from_str(&text.map_err(|error| named(&error))?) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(named(&"it must hold a JSON object")),
        Err(error) => Err(named(&error)),
    }
}

/// Rights as a table, those that are allowed.
pub fn format_rights(rights: &Value) -> String {
    let of = |right: &Value, name: &str| right[name].as_str().unwrap_or_default().to_owned();
    let rights = rights.as_array().into_iter().flatten();
    let allowed = rights.filter(|right| right["value"] == "allowed");
    let names = ["controller", "action", "index", "collection"];
    let rows: Vec<Vec<String>> = allowed
        .map(|right| names.iter().map(|name| of(right, name)).collect())
        .collect();
    if rows.is_empty() {
        "nothing is allowed\n".to_owned()
    } else {
        format_table(&names, &rows)
    }
}
