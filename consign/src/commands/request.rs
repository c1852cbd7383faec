//! `consign request`: what became of a request.

pub mod show;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Show the status of a request
#[derive(Debug, Subcommand)]
pub enum Command {
    Show(show::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show::run(arguments, invocation).await,
    }
}
