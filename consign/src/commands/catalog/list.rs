//! `consign catalog list`: every operation on a line.

use super::Invocation;
use crate::{failure::Failure, output::format_table, stack};
use catalog::Operation;
use clap::Args;
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  consign catalog list
  consign catalog list --json | jq -r '.operations[].name'";

/// List all operations
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {}

#[derive(Serialize)]
struct OperationListed<'a> {
    version: &'a str,
    operations: Vec<OperationLine<'a>>,
}

#[derive(Serialize)]
struct OperationLine<'a> {
    name: &'a str,
    kind: catalog::Kind,
    order: catalog::Order,
    many: bool,
    route: Option<String>,
    summary: &'a str,
}

impl<'a> OperationLine<'a> {
    fn of(operation: &'a Operation) -> Self {
        Self {
            name: operation.name(),
            kind: operation.kind(),
            order: operation.order(),
            many: operation.many(),
            route: operation
                .http()
                .map(|route| format!("{} {}", route.method, route.path)),
            summary: operation.summary(),
        }
    }
}

pub fn run(_: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = stack::load_catalog(&invocation.settings(&[])?.settings)?;
    let listed = OperationListed {
        version: catalog.version(),
        operations: catalog.operations().map(OperationLine::of).collect(),
    };
    invocation.output.result(&listed, |listed| {
        let row = |line: &OperationLine| {
            vec![
                line.name.to_owned(),
                line.route.clone().unwrap_or_default(),
                line.summary.to_owned(),
            ]
        };
        format_table(
            &["operation", "route of its own", "what it does"],
            &listed.operations.iter().map(row).collect::<Vec<_>>(),
        )
    })
}
