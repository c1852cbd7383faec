//! `consign schema export`: a file per event.

use super::Invocation;
use crate::failure::Failure;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  consign schema export event-schema/schemas";

/// Write a file per event into a folder
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let shown = arguments.folder.display();
    let failed = |error: std::io::Error| Failure::failed(format!("{shown}: {error}"));
    std::fs::create_dir_all(&arguments.folder).map_err(failed)?;
    let mut written = Vec::new();
    for (name, text) in event_schema::schemas::schema_files() {
        std::fs::write(arguments.folder.join(&name), text).map_err(failed)?;
        written.push(name);
    }
    invocation.output.result(&written, |written| {
        format!("{} schemas written to {shown}", written.len())
    })
}
