//! `xtask servers`: the shared servers by hand. Only hands over to the start script.

use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub(crate) struct Options {
    /// What to do
    action: Action,
    /// kafka, kafka3, kafka3:N, cassandra, elasticsearch; without a name the trio
    names: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    Up,
    Down,
    Status,
    Wipe,
    Fetch,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let action = match options.action {
        Action::Up => "up",
        Action::Down => "down",
        Action::Status => "status",
        Action::Wipe => "wipe",
        Action::Fetch => "fetch",
    };
    let script = testbed::root().join("servers/servers");
    let status = Command::new("bash")
        .arg(&script)
        .arg(action)
        .args(&options.names)
        .envs([testbed::MAY_FORGET_TABLES])
        .status();
    Ok(status
        .with_context(|| format!("cannot run {}", script.display()))?
        .success())
}
