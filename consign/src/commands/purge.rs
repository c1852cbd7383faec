//! `consign purge`: what is removed from the stores for good, by the workers that own it.

mod markers;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Remove for good what the stores need no longer
#[derive(Debug, Subcommand)]
pub enum Command {
    Markers(markers::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Markers(arguments) => markers::run(arguments, invocation).await,
    }
}
