//! `consign catalog plan`: what a request would write, without writing it.

use super::Invocation;
use crate::{failure::Failure, stack};
use catalog::{Example, Plan, Rehearsed};
use clap::Args;
use serde_json::{Value, json};
use std::io::Read as _;

const EXAMPLES: &str = "\
Examples:
  consign catalog plan note.create < request.json
  echo '{\"request\": {\"userId\": \"u1\"}, \"rows\": {\"user\": [{\"id\": \"u1\", \"status\": 1}]}}' | consign catalog plan user.block --example

Nothing is read from stores: documents, rows and look-ups are those of the example.";

/// Show what a request would write, without any server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Name of the operation
    operation: String,
    /// The input is an example as definitions have them: `request`, and what is there
    #[arg(long)]
    example: bool,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = stack::load_catalog(&invocation.settings(&[])?.settings)?;
    let name = &arguments.operation;
    let operation = catalog
        .operation(name)
        .ok_or_else(|| Failure::failed(format!("there is no operation `{name}`")))?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let told = |error: serde_json::Error| Failure::failed(format!("the input: {error}"));
    let given: Value = serde_json::from_str(&text).map_err(told)?;
    let example = if arguments.example {
        let mut given = given;
        given["title"] = "given".into();
        serde_json::from_value(given).map_err(told)?
    } else {
        Example {
            request: given,
            ..Example::default()
        }
    };
    match catalog.rehearse(operation, &example) {
        Rehearsed::Invalid(invalid) => {
            let violations = invalid.0.iter();
            let lines: Vec<String> = violations
                .map(|one| format!("{} {}: {}", one.pointer, one.rule, one.message))
                .collect();
            Err(Failure::failed(lines.join("\n")))
        }
        Rehearsed::Broken(error) => Err(Failure::failed(error.to_string())),
        Rehearsed::Told => invocation
            .output
            .result(&json!([]), |_| "it tells, and writes nothing".into()),
        Rehearsed::Planned(plans) => {
            let shown: Vec<Value> = plans.iter().map(plan_json).collect();
            invocation.output.result(&shown, |shown| {
                serde_json::to_string_pretty(shown).unwrap_or_default()
            })
        }
    }
}

/// All that it would do.
pub fn plan_json(plan: &Plan) -> Value {
    let part = |part: &catalog::Accepted| json!({"operation": part.operation, "key": part.key, "request": part.request});
    json!({
        "verdict": plan.verdict,
        "documents": plan.documents,
        "rows": plan.rows,
        "parts": plan.parts.iter().map(part).collect::<Vec<_>>(),
        "takes": plan.takes.iter().map(|taken| &taken.value).collect::<Vec<_>>(),
        "releases": plan.releases,
        "result": plan.result,
    })
}
