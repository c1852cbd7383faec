//! `consign catalog show`: one operation, with its request schema, examples to send, and what these
//! would write.

mod sample;

use super::Invocation;
use crate::{failure::Failure, stack};
use catalog::{Catalog, Operation};
use clap::Args;
use sample::Sample;
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  consign catalog show document.create
  consign catalog show user.create --json | jq .schema";

/// Show an operation: what a request must look like, examples to send, and what they write
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
    route: Option<&'a catalog::HttpRoutes>,
    before: Vec<ShownHook<'a>>,
    schema: &'a serde_json::Value,
    examples: Vec<Sample<'a>>,
}

/// Who is asked before a request is accepted.
#[derive(Serialize)]
struct ShownHook<'a> {
    name: &'a str,
    /// With the collections that are meant, where not all requests are.
    about: String,
    url: &'a str,
    timeout_ms: u128,
    on_failure: catalog::HookFailurePolicy,
}

fn shown_hooks<'a>(catalog: &'a Catalog, operation: &Operation) -> Vec<ShownHook<'a>> {
    let shown = operation.outline().before;
    let known = |about: String| {
        let name = about.split(' ').next().unwrap_or_default();
        let hook = catalog.hooks().iter().find(|hook| hook.name() == name)?;
        Some(ShownHook {
            name: hook.name(),
            about,
            url: hook.url(),
            timeout_ms: hook.timeout().as_millis(),
            on_failure: hook.on_failure(),
        })
    };
    shown.into_iter().filter_map(known).collect()
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
    let examples = operation.examples().iter();
    let examples = examples.map(|example| Sample::of(&catalog, operation, example));
    let shown = OperationShown {
        name: operation.name(),
        summary: operation.summary(),
        kind: operation.kind(),
        order: operation.order(),
        many: operation.many(),
        route: operation.http(),
        before: shown_hooks(&catalog, operation),
        schema: operation.schema(),
        examples: examples.collect(),
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
    for (method, path) in shown.route.iter().flat_map(|routes| routes.each()) {
        text += &format!("{method} {path}\n");
    }
    for (n, hook) in shown.before.iter().enumerate() {
        let failure = match hook.on_failure {
            catalog::HookFailurePolicy::Refuse => "refused",
            catalog::HookFailurePolicy::Pass => "accepted as it is",
        };
        text += &format!(
            "\n{}. Asked before it is accepted: the hook {} at {}; {failure} if no answer comes within {} ms\n",
            n + 1,
            hook.about,
            hook.url,
            hook.timeout_ms
        );
    }
    text += &format!("\nA request must be:\n{}\n", pretty(shown.schema));
    for example in &shown.examples {
        text += &example.text();
    }
    text
}
