//! The one binary people type. Commands read settings, name the drivers, and call what the services
//! and crates offer; no rule of the pipeline may be here.

pub mod arguments;
mod checkpoint;
pub mod cli;
pub mod client;
pub mod commands;
mod confirmation;
pub mod failure;
pub mod output;
mod password_input;
mod progress;
pub mod services;
pub mod settings;
mod spool_location;
mod spools;
pub mod stack;

use clap::Parser;
use cli::Cli;
use failure::Failure;
use output::Output;
use std::{ffi::OsString, process::ExitCode};

/// Parses, runs, and says what went wrong. Exit codes: 0 done, 1 failed or refused, 2 usage, 3 out
/// of reach.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; a closed pipe is nobody's concern.
            _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let output = Output::new(cli.shared.json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(async {
                let ended = cli.run(&output).await;
                request_spans::flush_spans().await;
                ended
            });
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::failed(format!(
            "the process cannot start its threads: {error}"
        ))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failed(&failure),
    }
}
