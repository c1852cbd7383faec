//! What every command takes, whichever it is.

use clap::Args;
use std::path::PathBuf;

/// Taken by every command.
#[derive(Clone, Debug, Default, Args)]
pub struct SharedArguments {
    /// Settings file, overrides the defaults; ./consign.toml if it is there
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CONSIGN_CONFIG",
        help_heading = "Settings"
    )]
    pub config: Option<PathBuf>,
    /// One setting, overrides the file and CONSIGN_* variables; can be repeated
    #[arg(
        long,
        global = true,
        value_name = "KEY=VALUE",
        help_heading = "Settings"
    )]
    pub set: Vec<String>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Settings")]
    pub json: bool,
}
