//! `consign session`: the session that commands go by, one's other sessions, and the end of sessions.

pub mod end;
pub mod list;
pub mod revoke;
pub mod show;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Show the session that commands go by, list and end one's own, or revoke all of a user's
#[derive(Debug, Subcommand)]
pub enum Command {
    Show(show::Arguments),
    List(list::Arguments),
    End(end::Arguments),
    Revoke(revoke::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show::run(arguments, invocation).await,
        Command::List(arguments) => list::run(arguments, invocation).await,
        Command::End(arguments) => end::run(arguments, invocation).await,
        Command::Revoke(arguments) => revoke::run(arguments, invocation).await,
    }
}
