//! A file per command: its arguments, its help, what it does.

pub mod audit;
pub mod catalog;
pub mod completions;
pub mod config;
mod definition;
pub mod dev;
pub mod dlq;
pub mod doctor;
pub mod document;
pub mod explain;
pub mod filter;
pub mod gateway;
pub mod health;
pub mod key;
pub mod load;
pub mod login;
pub mod notifier;
pub mod profile;
pub mod publish;
pub mod purge;
pub mod rebuild;
pub mod repair;
pub mod request;
pub mod role;
pub mod schema;
pub mod sealing;
pub mod security;
pub mod session;
pub mod spool;
pub mod status;
pub mod subscribe;
pub mod subscription;
pub mod sync;
pub mod topics;
pub mod torture;
pub mod upload;
pub mod user;
pub mod write_worker;

use crate::{
    arguments::SharedArguments, failure::Failure, output::Output, settings::LoadedSettings,
};
use clap::Args;
use std::time::Duration;

/// What every command is given.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    pub shared: &'a SharedArguments,
    pub output: &'a Output,
}

impl Invocation<'_> {
    /// The settings, with this command's own flags on top, as `key=value`.
    pub fn settings(&self, own: &[String]) -> Result<LoadedSettings, Failure> {
        let flags: Vec<&str> = self
            .shared
            .set
            .iter()
            .chain(own)
            .map(String::as_str)
            .collect();
        LoadedSettings::from_surroundings(self.shared.config.as_deref(), &flags)
    }
}

/// For commands that need servers.
#[derive(Clone, Copy, Debug, Args)]
pub struct Patience {
    /// How long to wait for servers that are still starting, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    patience: u64,
}

impl Patience {
    pub fn limit(self) -> Duration {
        Duration::from_secs(self.patience)
    }
}
