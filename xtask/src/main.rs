//! `cargo run -p xtask -- …`: the test command, the checks of the layout, the servers. Development
//! only; nothing that ships calls it.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the developer, on the machine's clock"
)]

mod beside;
mod check;
mod command;
mod docs;
mod instructions;
mod rust_source;
mod servers;
mod tally;
mod test;
mod tidy;
mod timeline;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    about = "Development commands of Consign",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every check, then every test; prints `N passed, N failed` at the end
    Test(test::Options),
    /// Every check that needs no server: formatting, layout, dependencies, lints, documentation
    Check(check::Options),
    /// The layout alone: which crate and module may use which, names, headers, decision records
    Tidy(tidy::Options),
    /// Writes the pages of docs/ that are made from the code: settings and metrics
    Docs,
    /// What an event costs in each stage, in instructions, beside the committed figures
    Instructions(instructions::InstructionOptions),
    /// The real servers that tests share
    Servers(servers::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Tidy(options) => tidy::run(&options),
        Command::Docs => docs::run(),
        Command::Instructions(options) => instructions::run(&options),
        Command::Servers(options) => servers::run(&options),
    };
    done.map_or_else(
        |e| (eprintln!("xtask: {e:#}"), ExitCode::FAILURE).1,
        |good| {
            if good {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        },
    )
}
