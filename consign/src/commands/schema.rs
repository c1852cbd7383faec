//! `consign schema`: the events' JSON Schemas.

pub mod export;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Export the JSON Schemas of all events, for consumers of the topics
#[derive(Debug, Subcommand)]
pub enum Command {
    Export(export::Arguments),
}

pub fn run(command: &Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Export(arguments) => export::run(arguments, invocation),
    }
}
