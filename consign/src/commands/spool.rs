//! `consign spool`: where gateways keep what their log has not acknowledged.

pub mod export;
mod selection;
pub mod ship;
pub mod status;
pub mod verify;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Inspect the spools of gateways, and ship those that no gateway ships
#[derive(Debug, Subcommand)]
pub enum Command {
    Status(status::Arguments),
    Verify(verify::Arguments),
    Ship(ship::Arguments),
    Export(export::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Status(arguments) => status::run(&arguments, invocation).await,
        Command::Verify(arguments) => verify::run(&arguments, invocation).await,
        Command::Ship(arguments) => ship::run(arguments, invocation).await,
        Command::Export(arguments) => export::run(&arguments, invocation).await,
    }
}
