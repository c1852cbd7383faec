//! `cargo run -p xtask -- …`: the test command, the checks of the layout, the servers. Development
//! only; nothing that ships calls it.

mod command;
mod servers;
mod tally;
mod test;
mod tidy;

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
    /// Formatting, lints, layout, build, every test; prints `N passed, N failed` at the end
    Test(test::Options),
    /// Which crate may use which, file names, headers, and how long the files are
    Tidy,
    /// The real servers that tests share
    Servers(servers::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Tidy => tidy::run(),
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
