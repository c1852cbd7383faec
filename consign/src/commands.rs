//! A file per command: its arguments, its help, what it does.

pub mod dev;
pub mod filter;

use crate::{
    cli::{Cli, Command, Shared},
    failure::Failure,
    output::Output,
    settings::Loaded,
};

/// What every command is given.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    pub shared: &'a Shared,
    pub output: &'a Output,
}

impl Invocation<'_> {
    /// The settings, with this command's own flags on top, as `key=value`.
    pub fn settings(&self, own: &[String]) -> Result<Loaded, Failure> {
        let flags: Vec<&str> = self.shared.set.iter().chain(own).map(String::as_str).collect();
        Loaded::from_surroundings(self.shared.config.as_deref(), &flags)
    }
}

pub async fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let invocation = Invocation { shared: &cli.shared, output };
    match cli.command {
        Command::Dev(arguments) => dev::run(arguments, invocation).await,
        Command::Filter(command) => Ok(filter::run(command, cli.shared.json)?),
    }
}
