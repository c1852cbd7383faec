//! `consign config`: which settings are in force, and whether a file of them is sound.

pub mod check;
pub mod show;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Show the settings in force, or check a file of them
#[derive(Debug, Subcommand)]
pub enum Command {
    Check(check::Arguments),
    Show(show::Arguments),
}

pub fn run(command: &Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments, invocation),
        Command::Show(arguments) => show::run(arguments, invocation),
    }
}
