//! `consign dlq`: the dead letters, read from their topic. Must never change one.

mod letters;
pub mod list;
pub mod show;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// List and show dead letters: events that will never apply as they stand
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Arguments),
    Show(show::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, invocation).await,
        Command::Show(arguments) => show::run(arguments, invocation).await,
    }
}
