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
pub mod topics;
pub mod torture;
pub mod upload;
pub mod user;
pub mod write_worker;

use crate::{
    cli::{Cli, Command, SharedArguments},
    failure::Failure,
    output::Output,
    settings::LoadedSettings,
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

pub async fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let invocation = Invocation {
        shared: &cli.shared,
        output,
    };
    match cli.command {
        Command::Dev(arguments) => dev::run(arguments, invocation).await,
        Command::Gateway(arguments) => gateway::run(arguments, invocation).await,
        Command::WriteWorker(arguments) => write_worker::run(arguments, invocation).await,
        Command::Notifier(arguments) => notifier::run(arguments, invocation).await,
        Command::Topics(command) => topics::run(command, invocation).await,
        Command::Catalog(command) => catalog::run(command, invocation).await,
        Command::Config(command) => config::run(&command, invocation),
        Command::Doctor(arguments) => doctor::run(arguments, invocation).await,
        Command::Health(arguments) => health::run(arguments, invocation).await,
        Command::Request(command) => request::run(command, invocation).await,
        Command::Load(arguments) => load::run(arguments, invocation).await,
        Command::Upload(arguments) => upload::run(arguments, invocation).await,
        Command::Dlq(command) => dlq::run(command, invocation).await,
        Command::Status(arguments) => status::run(arguments, invocation).await,
        Command::Spool(command) => spool::run(command, invocation).await,
        Command::Rebuild(arguments) => rebuild::run(arguments, invocation).await,
        Command::Repair(arguments) => repair::run(arguments, invocation).await,
        Command::Document(command) => document::run(command, invocation).await,
        Command::Explain(arguments) => explain::run(arguments, invocation).await,
        Command::Audit(arguments) => audit::run(arguments, invocation).await,
        Command::Torture(arguments) => torture::run(arguments, invocation).await,
        Command::Subscribe(arguments) => subscribe::run(arguments, invocation).await,
        Command::Publish(arguments) => publish::run(arguments, invocation).await,
        Command::Subscription(command) => subscription::run(command, invocation).await,
        Command::Filter(command) => Ok(filter::run(command, cli.shared.json)?),
        Command::Schema(command) => schema::run(&command, invocation),
        Command::Sealing(command) => sealing::run(command, invocation).await,
        Command::Security(command) => security::run(command, invocation).await,
        Command::Login(arguments) => login::run(arguments, invocation).await,
        Command::Session(command) => session::run(command, invocation).await,
        Command::User(command) => user::run(command, invocation).await,
        Command::Role(arguments) => role::run(arguments, invocation).await,
        Command::Profile(arguments) => profile::run(arguments, invocation).await,
        Command::Key(command) => key::run(command, invocation).await,
        Command::Completions(arguments) => completions::run(&arguments, invocation),
    }
}
