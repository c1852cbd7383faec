//! `consign subscription`: who listens to what.

pub mod list;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// List subscriptions: rooms and the number of subscribers in each
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, invocation).await,
    }
}
