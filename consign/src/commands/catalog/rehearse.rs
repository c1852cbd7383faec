//! `consign catalog test`: every example of every operation, carried out in memory: those that are
//! to be applied are, those that are to be refused are refused by the rule that they name.

use super::{Invocation, check::given_catalog};
use crate::failure::Failure;
use catalog::{Catalog, Example, Operation};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  consign catalog test                           what is built in, and the folders of the settings
  consign catalog test my-operations/

An example says what is there in `rows`, `documents` and `looked`; with `refused`, by which rule it is refused.";

/// Carry out the examples of operations in memory, without any server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Definition files (*.yaml), or folders of them
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
}

#[derive(Serialize)]
struct ExamplesTested {
    operations: usize,
    applied: usize,
    refused: usize,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = given_catalog(&arguments.paths, invocation)?;
    let mut wrong = Vec::new();
    let mut tested = ExamplesTested {
        operations: catalog.operations().count(),
        applied: 0,
        refused: 0,
    };
    for operation in catalog.operations() {
        for example in operation.examples() {
            tested.applied += 1;
            // Without a state of its own, what it needs is not there.
            let has_state = !example.rows.is_empty() || !example.documents.is_empty();
            wrong.extend(example_fault(&catalog, operation, example, has_state));
        }
        for example in operation.refusals() {
            tested.refused += 1;
            wrong.extend(example_fault(&catalog, operation, example, true));
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::failed(wrong.join("\n")));
    }
    invocation.output.result(&tested, |tested| {
        let ExamplesTested { operations, applied, refused } = tested;
        format!("{operations} operations: {applied} examples are applied, {refused} are refused as they say")
    })
}

/// What is wrong with an example; `exact`: whether it is refused, and by what, must be as it says.
fn example_fault(
    catalog: &Catalog,
    operation: &Operation,
    example: &Example,
    exact: bool,
) -> Option<String> {
    let found = catalog.rehearse(operation, example).refused();
    let is_missing = !exact && matches!(found.as_deref(), Some("missing"));
    if found == example.refused || is_missing {
        return None;
    }
    let told = |refused: &Option<String>| match refused {
        Some(rule) => format!("refused by `{rule}`"),
        None => "applied".to_owned(),
    };
    Some(format!(
        "{}: {}: should be {}, is {}",
        operation.name(),
        example.title,
        told(&example.refused),
        told(&found)
    ))
}
