//! `consign security import`: users, roles, profiles and API keys of a Kuzzle deployment, through a
//! gateway (`admin:loadSecurities`). It reads files and writes nothing by itself.

mod dump;
#[cfg(test)]
mod tests;

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
};
use clap::{Args, ValueEnum};
use dump::{KuzzleDump, LoadBatch};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  elasticdump --input='http://es:9200/%kuzzle.users' --output=users.jsonl     and likewise %kuzzle.roles, %kuzzle.profiles, %kuzzle.api-keys,
                                                                             %plugin:kuzzle-plugin-auth-passport-local.users (the passwords)
  consign security import *.jsonl --dry-run
  CONSIGN_TOKEN=kauth-… consign security import *.jsonl
  consign security import securities.json      what admin:loadSecurities takes: {roles, profiles, users}

Users that exist stay as they are, roles and profiles that differ are replaced: an import can be repeated. Passwords and API keys stay valid; a
password gets a stronger hash at the next login. Sessions are not taken over.

Exit 0 if everything is there, 1 if something failed.";

/// Import users, roles, profiles and API keys of a Kuzzle deployment
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Files of JSON lines as elasticdump writes them, or of JSON as admin:loadSecurities takes it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to do with users that exist already
    #[arg(long, value_enum, default_value_t = OnExistingUsers::Skip)]
    on_existing: OnExistingUsers,
    /// Accept roles that name controllers unknown to this deployment
    #[arg(long)]
    force: bool,
    /// Dry run: show what would be imported
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    client: Endpoint,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnExistingUsers {
    Skip,
    Overwrite,
    Fail,
}

impl OnExistingUsers {
    fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Overwrite => "overwrite",
            Self::Fail => "fail",
        }
    }
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let mut dump = KuzzleDump::default();
    for file in &arguments.files {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        dump.add(&text)
            .map_err(|why| Failure::usage(format!("{}: {why}", file.display())))?;
    }
    let mut items = dump.unusable();
    for LoadBatch { body, told } in dump.batches(arguments.dry_run) {
        let asked = json!({
            "body": body, "force": arguments.force, "dryRun": arguments.dry_run,
            "onExistingUsers": arguments.on_existing.name(),
        });
        let loaded = client.ask("admin", "loadSecurities", asked).await?;
        let loaded = loaded["items"].as_array().cloned().unwrap_or_default();
        items.extend(
            loaded
                .into_iter()
                .filter(|item| told.contains(&text_of(item, "kind"))),
        );
    }
    let failed = items
        .iter()
        .filter(|item| item["outcome"] == "failed")
        .count();
    let report = json!({"dry_run": arguments.dry_run, "failed": failed, "items": items});
    invocation.output.result(&report, text)?;
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

fn text_of<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

fn text(report: &Value) -> String {
    let items = || report["items"].as_array().into_iter().flatten();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for item in items() {
        *counts
            .entry((text_of(item, "kind"), text_of(item, "outcome")))
            .or_default() += 1;
    }
    let mut text = String::new();
    if report["dry_run"] == true {
        text.push_str("nothing was written; an import would come to this:\n");
    }
    for ((kind, outcome), count) in counts {
        _ = writeln!(text, "{kind:<12} {outcome:<10} {count}");
    }
    for item in items().filter(|item| item["outcome"] == "failed") {
        let (kind, id) = (text_of(item, "kind"), text_of(item, "id"));
        let error = &item["error"];
        _ = writeln!(
            text,
            "{kind} {id}: {}: {}",
            text_of(error, "id"),
            text_of(error, "message")
        );
    }
    text
}
