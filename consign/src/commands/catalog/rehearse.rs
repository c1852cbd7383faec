//! `consign catalog test`: every example of every operation, carried out in memory: those that are
//! to be applied are, those that are to be refused are refused by the rule that they name. Then the
//! scenarios, each step over what those before it left.

use super::{
    Invocation,
    check::{given_catalog, is_scenario},
};
use crate::failure::Failure;
use catalog::{Catalog, Example, Operation, Scenario};
use clap::Args;
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  consign catalog test                           what is built in, and the folders of the settings
  consign catalog test my-operations/            and the scenarios in it (*.scenario.yaml)

An example says what is there in `rows`, `documents` and `looked`; with `refused`, by which rule it is refused.";

/// Carry out the examples of operations in memory, without any server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Definition files (*.yaml) and scenarios (*.scenario.yaml), or folders of them
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
}

#[derive(Serialize)]
struct ExamplesTested {
    operations: usize,
    applied: usize,
    refused: usize,
    scenarios: usize,
    steps: usize,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = given_catalog(&arguments.paths, invocation)?;
    let mut wrong = Vec::new();
    let mut tested = ExamplesTested {
        operations: catalog.operations().count(),
        applied: 0,
        refused: 0,
        scenarios: 0,
        steps: 0,
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
    let mut folders = invocation.settings(&[])?.settings.catalog.folders;
    folders.extend(arguments.paths.iter().cloned());
    for file in scenario_files(&folders)? {
        let scenario = read_scenario(&file)?;
        tested.scenarios += 1;
        tested.steps += scenario.steps.len();
        if let Err(fault) = catalog.play(&scenario) {
            let (file, name) = (file.display(), &scenario.scenario);
            wrong.push(format!("{file}: {name}: {fault}"));
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::failed(wrong.join("\n")));
    }
    invocation.output.result(&tested, |tested| {
        let ExamplesTested { operations, applied, refused, scenarios, steps } = tested;
        let mut text = format!("{operations} operations: {applied} examples are applied, {refused} are refused as they say");
        if *scenarios > 0 {
            text += &format!("; {scenarios} scenarios of {steps} steps go as they say");
        }
        text
    })
}

/// These files and those in these folders, in the order of their names.
fn scenario_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let wrong = |error| Failure::failed(format!("{}: {error}", path.display()));
            let entries = fs::read_dir(path).map_err(wrong)?;
            let below = entries.map(|entry| entry.map(|entry| entry.path()));
            let mut below = below.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
            below.sort();
            let below = below.into_iter();
            let below: Vec<_> = below
                .filter(|path| path.is_dir() || is_scenario(path))
                .collect();
            files.extend(scenario_files(&below)?);
        } else if is_scenario(path) {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn read_scenario(path: &Path) -> Result<Scenario, Failure> {
    let wrong =
        |error: &dyn std::fmt::Display| Failure::failed(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_yaml_ng::from_str(&text).map_err(|error| wrong(&error))
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
