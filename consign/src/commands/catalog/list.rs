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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    summary: &'a str,
}

impl<'a> OperationLine<'a> {
    fn of(operation: &'a Operation) -> Self {
        let routes = operation.routes();
        let mut routes = routes.map(|(method, path)| format!("{method} {path}"));
        Self {
            name: operation.name(),
            kind: operation.kind(),
            order: operation.order(),
            many: operation.many(),
            route: routes.next(),
            also: routes.collect(),
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
            let routes: Vec<&str> = line.route.iter().chain(&line.also).map(|r| &**r).collect();
            vec![
                line.name.to_owned(),
                routes.join(", "),
                line.summary.to_owned(),
            ]
        };
        format_table(
            &["operation", "routes of its own", "what it does"],
            &listed.operations.iter().map(row).collect::<Vec<_>>(),
        )
    })
}
