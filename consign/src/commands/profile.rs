//! `consign profile`: which roles hold where, as sets that users have.

use super::{
    Invocation,
    definition::{self, DefinitionKind},
};
use crate::failure::Failure;
use clap::Args;
use serde_json::Value;

const LIST: &str = "\
Examples:
  consign profile list
  consign profile list --json | jq -r '.[]._id'";
const SHOW: &str = "\
Examples:
  consign profile show shop-reader > shop-reader.json";
const SET: &str = "\
Examples:
  echo '{\"policies\": [{\"roleId\": \"reader\", \"restrictedTo\": [{\"index\": \"shop\"}]}], \"rateLimit\": 50}' | consign profile set shop-reader -
  consign profile set shop-reader shop-reader.json --force     before there is an index of that name

The command ends when the profile holds on every gateway.";
const DELETE: &str = "\
Examples:
  consign profile delete shop-reader --yes

A profile that a user has cannot be deleted.";

/// List, show, set and delete profiles: which roles hold where
#[derive(Debug, Args)]
#[command(
    mut_subcommand("list", |command| command.after_help(LIST)),
    mut_subcommand("show", |command| command.after_help(SHOW)),
    mut_subcommand("set", |command| command.after_help(SET)),
    mut_subcommand("delete", |command| command.after_help(DELETE))
)]
pub struct Arguments {
    #[command(subcommand)]
    command: definition::Command,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let kind = DefinitionKind {
        noun: "profile",
        search: "searchProfiles",
        get: "getProfile",
        set: "createOrReplaceProfile",
        delete: "deleteProfile",
        unknown_names: |taken| ("strict", !taken),
        summary: ("policies", policies),
    };
    definition::run(&kind, arguments.command, invocation).await
}

/// `reader in shop, stock/items; auditor`: roles and where they hold.
fn policies(profile: &Value) -> String {
    let policies = profile["policies"].as_array().into_iter().flatten();
    let told = policies.map(|policy| {
        let role = policy["roleId"].as_str().unwrap_or_default();
        let places = policy["restrictedTo"].as_array().into_iter().flatten();
        let places: Vec<String> = places.map(place).collect();
        if places.is_empty() {
            role.to_owned()
        } else {
            format!("{role} in {}", places.join(", "))
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

fn place(restriction: &Value) -> String {
    let index = restriction["index"].as_str().unwrap_or_default();
    let collections = restriction["collections"].as_array().into_iter().flatten();
    let collections: Vec<&str> = collections.filter_map(Value::as_str).collect();
    if collections.is_empty() {
        index.to_owned()
    } else {
        format!("{index}/{}", collections.join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn policies_are_told_with_where_they_hold() {
        let profile = json!({"policies": [
            {"roleId": "reader", "restrictedTo": [{"index": "shop"}, {"index": "stock", "collections": ["items", "lots"]}]},
            {"roleId": "auditor"},
        ]});
        assert_eq!(
            super::policies(&profile),
            "reader in shop, stock/items+lots; auditor"
        );
        assert_eq!(place(&json!({"index": "a", "collections": []})), "a");
    }
}
