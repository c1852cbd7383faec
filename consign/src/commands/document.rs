//! `consign document`: a document as the log tells of it.

pub mod history;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Show every change of a document that the log keeps
#[derive(Debug, Subcommand)]
pub enum Command {
    History(history::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::History(arguments) => history::run(arguments, invocation).await,
    }
}
