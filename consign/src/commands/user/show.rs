//! `consign user show`: a user's fields, ways to log in, and what his profiles allow.

use super::profiles_of;
use crate::{
    client::{Client, Endpoint},
    commands::{Invocation, definition::format_rights},
    failure::Failure,
};
use clap::Args;
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  consign user show meera
  consign user show meera --json | jq .rights

`consign security explain USER RIGHT PLACE` says why one right is there or missing.";

/// Show a user: fields, ways to log in, rights
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The user's id
    user: String,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let named = || json!({"_id": arguments.user});
    let user = client.ask("security", "getUser", named()).await?;
    let strategies = client.ask("security", "getUserStrategies", named()).await?;
    let rights = client.ask("security", "getUserRights", named()).await?;
    let told = json!({
        "user": user, "strategies": strategies["strategies"], "rights": rights["hits"],
    });
    invocation.output.result(&told, text)
}

fn text(told: &Value) -> String {
    let user = &told["user"];
    let strategies = told["strategies"].as_array().into_iter().flatten();
    let strategies: Vec<&str> = strategies.filter_map(Value::as_str).collect();
    let mut fields = user["_source"].clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("profileIds");
    }
    format!(
        "user      {}\nprofiles  {}\nlogs in   {}\nfields    {fields}\n\n{}",
        user["_id"].as_str().unwrap_or_default(),
        profiles_of(user),
        if strategies.is_empty() {
            "by no strategy".to_owned()
        } else {
            format!("by {}", strategies.join(", "))
        },
        format_rights(&told["rights"]),
    )
}
