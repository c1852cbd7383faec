//! `consign security`: who may do what, on the servers that a deployment stands on.

pub mod acls;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// The rights that a deployment needs on its servers
#[derive(Debug, Subcommand)]
pub enum Command {
    Acls(acls::Arguments),
}

pub fn run(command: &Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Acls(arguments) => acls::run(arguments, invocation),
    }
}
