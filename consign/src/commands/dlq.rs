//! `consign dlq`: what waits for a person, over HTTP from any gateway. Moving a dead letter is asked
//! for there, as a job, and decided by the worker that owns its key.

pub mod discard;
mod dry_run;
pub mod edit;
pub mod export;
pub mod floods;
pub mod import;
pub mod job;
pub mod jobs;
pub mod list;
mod listing;
pub mod pass;
mod patience;
pub mod purge;
pub mod replay;
mod selection;
pub mod show;
pub mod stats;
mod text;

use super::Invocation;
use crate::failure::Failure;
use clap::Subcommand;

/// Inspect, replay, edit and discard dead letters: events that a store refuses for good
#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::Arguments),
    Stats(stats::Arguments),
    Show(show::Arguments),
    Export(export::Arguments),
    Replay(replay::Arguments),
    Edit(edit::Arguments),
    Discard(discard::Arguments),
    Purge(purge::Arguments),
    Import(import::Arguments),
    Job(job::Arguments),
    Jobs(jobs::Arguments),
    Floods(floods::Arguments),
    Pass(pass::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list::run(arguments, invocation).await,
        Command::Stats(arguments) => stats::run(arguments, invocation).await,
        Command::Show(arguments) => show::run(arguments, invocation).await,
        Command::Export(arguments) => export::run(arguments, invocation).await,
        Command::Replay(arguments) => replay::run(arguments, invocation).await,
        Command::Edit(arguments) => edit::run(arguments, invocation).await,
        Command::Discard(arguments) => discard::run(arguments, invocation).await,
        Command::Purge(arguments) => purge::run(arguments, invocation).await,
        Command::Import(arguments) => import::run(arguments, invocation).await,
        Command::Job(arguments) => job::run(arguments, invocation).await,
        Command::Jobs(arguments) => jobs::run(arguments, invocation).await,
        Command::Floods(arguments) => floods::run(arguments, invocation).await,
        Command::Pass(arguments) => pass::run(arguments, invocation).await,
    }
}
