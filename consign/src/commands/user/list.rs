//! `consign user list`: users and their profiles, by id.

use super::profiles_of;
use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
    output::format_found,
};
use clap::Args;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign user list
  consign user list --profile admin
  consign user list --json | jq -r '.users[]._id'

A user who was made a moment ago may be missing for a second.";

/// List users
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only those who have this profile
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// How many are shown
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let query = match &arguments.profile {
        Some(profile) => json!({"terms": {"profileIds": [profile]}}),
        None => json!({"match_all": {}}),
    };
    let asked = json!({"from": 0, "size": arguments.limit, "body": {"query": query}});
    let found = Client::new(&arguments.client)?
        .ask("security", "searchUsers", asked)
        .await?;
    let mut users = found["hits"].as_array().cloned().unwrap_or_default();
    users.sort_by(|a, b| a["_id"].as_str().cmp(&b["_id"].as_str()));
    let told = json!({"users": users, "total": found["total"]});
    invocation.output.result(&told, text)
}

fn text(told: &Value) -> String {
    let users = told["users"].as_array().into_iter().flatten();
    let row = |user: &Value| {
        let id = user["_id"].as_str().unwrap_or_default();
        vec![id.to_owned(), profiles_of(user)]
    };
    let rows: Vec<_> = users.map(row).collect();
    let none = "there are no such users";
    format_found(none, &["user", "profiles"], &rows, &told["total"])
}
