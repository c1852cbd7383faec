//! `consign-bench`: what the pipeline does a second, beside a floor that does nothing but the
//! unavoidable, in the same run. Only the ratio means anything on another machine. It is no part of
//! the product: nothing of the product may depend on it.

#![allow(clippy::disallowed_methods, reason = "measures real time")]

mod accept;
mod apply;
mod audit;
mod authorise;
mod bulk;
mod compared;
mod dead_letters;
mod environment;
mod files;
mod groups;
mod http_wire;
mod latency;
mod listeners;
mod memory;
mod notify;
mod open_loop;
mod parked;
mod plan;
mod replay;
mod serve;
mod sockets;
mod spool;
mod workload;

use clap::{Parser, Subcommand};
use consign::{arguments::SharedArguments, commands::Invocation, failure::Failure, output::Output};
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// The product's own, so that floors differ from it in nothing but what they do.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measure this machine: each result beside a floor of the same run
#[derive(Debug, Parser)]
#[command(
    name = "consign-bench",
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Accept(accept::Arguments),
    Bulk(bulk::Arguments),
    Apply(apply::Arguments),
    Authorise(authorise::Arguments),
    Groups(groups::Arguments),
    Parked(parked::Arguments),
    Replay(replay::Arguments),
    Audit(audit::Arguments),
    Spool(spool::Arguments),
    Plan(plan::Arguments),
    Latency(latency::Arguments),
    Memory(memory::Arguments),
    Notify(notify::Arguments),
    OpenLoop(open_loop::Arguments),
    Sockets(sockets::Arguments),
    /// A server to be measured; started by the others
    #[command(hide = true)]
    Serve(serve::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.shared.json);
    let invocation = Invocation {
        shared: &cli.shared,
        output: &output,
    };
    match run(cli.command, invocation).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failed(&failure),
    }
}

async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Accept(arguments) => accept::run(arguments, invocation).await,
        Command::Bulk(arguments) => bulk::run(arguments, invocation).await,
        Command::Apply(arguments) => apply::run(arguments, invocation).await,
        Command::Authorise(arguments) => authorise::run(&arguments, invocation),
        Command::Groups(arguments) => groups::run(arguments, invocation).await,
        Command::Parked(arguments) => parked::run(arguments, invocation).await,
        Command::Replay(arguments) => replay::run(arguments, invocation).await,
        Command::Audit(arguments) => audit::run(arguments, invocation).await,
        Command::Spool(arguments) => spool::run(arguments, invocation).await,
        Command::Plan(arguments) => plan::run(&arguments, invocation),
        Command::Latency(arguments) => latency::run(arguments, invocation).await,
        Command::Memory(arguments) => memory::run(arguments, invocation).await,
        Command::Notify(arguments) => notify::run(arguments, invocation).await,
        Command::OpenLoop(arguments) => open_loop::run(arguments, invocation).await,
        Command::Sockets(arguments) => sockets::run(arguments, invocation).await,
        Command::Serve(arguments) => serve::run(arguments, invocation).await,
    }
}
