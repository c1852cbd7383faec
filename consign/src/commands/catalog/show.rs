//! `consign catalog show`: one operation, with its request schema and examples to send.

use super::Invocation;
use crate::{failure::Failure, stack};
use clap::Args;
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  consign catalog show document.create
  consign catalog show user.create --json | jq .schema";

/// Show an operation: what a request must look like, examples
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Name of the operation
    operation: String,
}

#[derive(Serialize)]
struct OperationShown<'a> {
    name: &'a str,
    summary: &'a str,
    kind: catalog::Kind,
    order: catalog::Order,
    many: bool,
    route: Option<&'a catalog::HttpRoute>,
    schema: &'a serde_json::Value,
    examples: &'a [catalog::Example],
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = stack::load_catalog(&invocation.settings(&[])?.settings)?;
    let Some(operation) = catalog.operation(&arguments.operation) else {
        let near = catalog.nearest(&arguments.operation);
        let hint = near.map_or_else(
            || "consign catalog list".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(
            Failure::failed(format!("there is no operation `{}`", arguments.operation)).hint(hint),
        );
    };
    let shown = OperationShown {
        name: operation.name(),
        summary: operation.summary(),
        kind: operation.kind(),
        order: operation.order(),
        many: operation.many(),
        route: operation.http(),
        schema: operation.schema(),
        examples: operation.examples(),
    };
    invocation.output.result(&shown, operation_text)
}

fn operation_text(shown: &OperationShown) -> String {
    let pretty =
        |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let mut text = format!(
        "{}: {}\n\nPOST /v1/operations/{}\n",
        shown.name, shown.summary, shown.name
    );
    if let Some(route) = shown.route {
        text += &format!("{} {}\n", route.method, route.path);
    }
    text += &format!("\nA request must be:\n{}\n", pretty(shown.schema));
    for example in shown.examples {
        text += &format!("\n{}:\n{}\n", example.title, pretty(&example.request));
    }
    text
}
