//! Runs a program from the root of the repository and shows what it runs. Judges nothing but the
//! exit code.

use std::{env, ffi::OsString, process::Command};

use anyhow::{Context, Result};

/// `cargo` of the toolchain that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(testbed::root());
    command
}

/// Runs it with its output shown; true if it ended with 0.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    Ok(command
        .status()
        .with_context(|| format!("cannot run {program}"))?
        .success())
}
