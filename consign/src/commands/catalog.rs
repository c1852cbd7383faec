//! `consign catalog`: the operations, as data.

pub mod check;
pub mod diff;
pub mod hook_secret;
pub mod list;
pub mod migrate;
pub mod new;
pub mod plan;
pub mod rehearse;
pub mod schema;
pub mod show;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// List, show and check operations; make their tables and collections
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Arguments),
    Show(show::Arguments),
    Check(check::Arguments),
    Diff(diff::Arguments),
    Plan(plan::Arguments),
    Test(rehearse::Arguments),
    Migrate(migrate::Arguments),
    HookSecret(hook_secret::Arguments),
    New(new::Arguments),
    Schema(schema::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, invocation),
        Command::Show(arguments) => show::run(&arguments, invocation),
        Command::Check(arguments) => check::run(&arguments, invocation),
        Command::Diff(arguments) => diff::run(arguments, invocation).await,
        Command::HookSecret(arguments) => hook_secret::run(&arguments, invocation),
        Command::New(arguments) => new::run(&arguments, invocation),
        Command::Schema(arguments) => schema::run(&arguments, invocation),
        Command::Plan(arguments) => plan::run(&arguments, invocation),
        Command::Test(arguments) => rehearse::run(&arguments, invocation),
        Command::Migrate(arguments) => migrate::run(arguments, invocation).await,
    }
}
