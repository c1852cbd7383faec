//! `consign security`: who may do what, of the deployment's users and on the servers that it stands
//! on, and what they did.

pub mod acls;
pub mod explain;
pub mod import;
pub mod log;
pub mod rotate;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// What users may do and did, and the rights that a deployment needs on its servers
#[derive(Debug, Subcommand)]
pub enum Command {
    Acls(acls::Arguments),
    Explain(explain::Arguments),
    Import(import::Arguments),
    #[command(subcommand)]
    Log(log::Command),
    Rotate(rotate::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Acls(arguments) => acls::run(&arguments, invocation),
        Command::Explain(arguments) => explain::run(arguments, invocation).await,
        Command::Import(arguments) => import::run(arguments, invocation).await,
        Command::Log(command) => log::run(command, invocation).await,
        Command::Rotate(arguments) => rotate::run(&arguments, invocation),
    }
}
