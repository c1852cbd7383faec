//! `consign catalog schema`: the JSON Schema of a file of definitions.

use super::Invocation;
use crate::failure::Failure;
use catalog::Catalog;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign catalog schema > catalog.schema.json

An editor with a YAML language server takes it by a first line: # yaml-language-server: $schema=catalog.schema.json";

/// Print the JSON Schema of definition files, for editors
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    invocation.output.result(&Catalog::file_schema(), |schema| {
        serde_json::to_string_pretty(schema).unwrap_or_default()
    })
}
