//! `consign role`: what callers may do, as sets that profiles are made of.

use super::{
    Invocation,
    definition::{self, DefinitionKind},
};
use crate::failure::Failure;
use clap::Args;
use serde_json::Value;

const LIST: &str = "\
Examples:
  consign role list
  consign role list --json | jq -r '.[]._id'";
const SHOW: &str = "\
Examples:
  consign role show default
  consign role show editor > editor.json; $EDITOR editor.json; consign role set editor editor.json";
const SET: &str = "\
Examples:
  echo '{\"controllers\": {\"document\": {\"actions\": {\"get\": true, \"search\": true}}}}' | consign role set reader -
  consign role set editor editor.json

The command ends when the role holds on every gateway.";
const DELETE: &str = "\
Examples:
  consign role delete reader --yes

A role that a profile names cannot be deleted.";

/// List, show, set and delete roles: which actions are allowed
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
        noun: "role",
        search: "searchRoles",
        get: "getRole",
        set: "createOrReplaceRole",
        delete: "deleteRole",
        unknown_names: |taken| ("force", taken),
        summary: ("allows", allowed_actions),
    };
    definition::run(&kind, arguments.command, invocation).await
}

/// `document:get,search; auth:*`: what is allowed, by controller.
fn allowed_actions(role: &Value) -> String {
    let controllers = role["controllers"].as_object().into_iter().flatten();
    let allowed = controllers.filter_map(|(controller, of)| {
        let actions = of["actions"].as_object()?.iter();
        let actions = actions.filter(|(_, is_allowed)| **is_allowed == true);
        let actions: Vec<&str> = actions.map(|(action, _)| action.as_str()).collect();
        (!actions.is_empty()).then(|| format!("{controller}:{}", actions.join(",")))
    });
    allowed.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_role_allows_is_told_by_controller() {
        let role = json!({"controllers": {
            "auth": {"actions": {"*": true}},
            "bulk": {"actions": {"import": false}},
            "document": {"actions": {"delete": false, "get": true, "search": true}},
        }});
        assert_eq!(allowed_actions(&role), "auth:*; document:get,search");
    }
}
