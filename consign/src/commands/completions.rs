//! `consign completions`: for the shell.

use super::Invocation;
use crate::failure::Failure;
use clap::Args;
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  consign completions bash > /etc/bash_completion.d/consign
  consign completions zsh > \"${fpath[1]}/_consign\"
  consign completions fish > ~/.config/fish/completions/consign.fish";

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    shell: Shell,
}

/// `typed`: all that can be typed.
pub fn run(
    arguments: &Arguments,
    mut typed: clap::Command,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut typed, "consign", &mut script);
    invocation
        .output
        .line(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
