//! What can be typed, and who does it. Each command's own arguments are in its file.

use crate::{
    arguments::SharedArguments,
    commands::{self, Invocation},
    failure::Failure,
    output::Output,
};
use clap::{CommandFactory, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  consign dev                                   the whole pipeline in this process, on files in ./data
  consign load data/cities.jsonl.gz --operation document.createOrReplace --index world --collection cities --id /id --create
  consign request show r1AQAB… --follow
  consign subscribe '{\"equals\": {\"country\": \"FR\"}}' --index world --collection cities
  consign doctor                                what is missing or weak, and the command that fixes it

Exit codes: 0 done, 1 failed or refused, 2 usage, 3 a server is unreachable.";

/// Hand a write over, know that it arrives.
#[derive(Debug, Parser)]
#[command(name = "consign", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub shared: SharedArguments,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Does what was typed.
    pub async fn run(self, output: &Output) -> Result<(), Failure> {
        let invocation = Invocation {
            shared: &self.shared,
            output,
        };
        match self.command {
            Command::Dev(arguments) => commands::dev::run(arguments, invocation).await,
            Command::Gateway(arguments) => commands::gateway::run(arguments, invocation).await,
            Command::WriteWorker(arguments) => {
                commands::write_worker::run(arguments, invocation).await
            }
            Command::Notifier(arguments) => commands::notifier::run(arguments, invocation).await,
            Command::Topics(command) => commands::topics::run(command, invocation).await,
            Command::Catalog(command) => commands::catalog::run(command, invocation).await,
            Command::Config(command) => commands::config::run(&command, invocation),
            Command::Doctor(arguments) => commands::doctor::run(arguments, invocation).await,
            Command::Health(arguments) => commands::health::run(arguments, invocation).await,
            Command::Request(command) => commands::request::run(command, invocation).await,
            Command::Load(arguments) => commands::load::run(arguments, invocation).await,
            Command::Upload(arguments) => commands::upload::run(arguments, invocation).await,
            Command::Sync(arguments) => commands::sync::run(arguments, invocation).await,
            Command::Dlq(command) => commands::dlq::run(command, invocation).await,
            Command::Status(arguments) => commands::status::run(arguments, invocation).await,
            Command::Spool(command) => commands::spool::run(command, invocation).await,
            Command::Rebuild(arguments) => commands::rebuild::run(arguments, invocation).await,
            Command::Purge(command) => commands::purge::run(command, invocation).await,
            Command::Repair(arguments) => commands::repair::run(arguments, invocation).await,
            Command::Document(command) => commands::document::run(command, invocation).await,
            Command::Explain(arguments) => commands::explain::run(arguments, invocation).await,
            Command::Audit(arguments) => commands::audit::run(arguments, invocation).await,
            Command::Torture(arguments) => commands::torture::run(arguments, invocation).await,
            Command::Subscribe(arguments) => commands::subscribe::run(arguments, invocation).await,
            Command::Publish(arguments) => commands::publish::run(arguments, invocation).await,
            Command::Subscription(command) => {
                commands::subscription::run(command, invocation).await
            }
            Command::Filter(command) => Ok(commands::filter::run(command, self.shared.json)?),
            Command::Schema(command) => commands::schema::run(&command, invocation),
            Command::Sealing(command) => commands::sealing::run(command, invocation).await,
            Command::Security(command) => commands::security::run(command, invocation).await,
            Command::Login(arguments) => commands::login::run(arguments, invocation).await,
            Command::Session(command) => commands::session::run(command, invocation).await,
            Command::User(command) => commands::user::run(command, invocation).await,
            Command::Role(arguments) => commands::role::run(arguments, invocation).await,
            Command::Profile(arguments) => commands::profile::run(arguments, invocation).await,
            Command::Key(command) => commands::key::run(command, invocation).await,
            Command::Completions(arguments) => {
                commands::completions::run(&arguments, Self::command(), invocation)
            }
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Dev(commands::dev::Arguments),
    Gateway(commands::gateway::Arguments),
    WriteWorker(commands::write_worker::Arguments),
    Notifier(commands::notifier::Arguments),
    #[command(subcommand)]
    Topics(commands::topics::Command),
    #[command(subcommand)]
    Catalog(commands::catalog::Command),
    #[command(subcommand)]
    Config(commands::config::Command),
    Doctor(commands::doctor::Arguments),
    Status(commands::status::Arguments),
    Health(commands::health::Arguments),
    #[command(subcommand)]
    Request(commands::request::Command),
    Load(commands::load::Arguments),
    Upload(commands::upload::Arguments),
    Sync(commands::sync::Arguments),
    #[command(subcommand)]
    Dlq(commands::dlq::Command),
    #[command(subcommand)]
    Spool(commands::spool::Command),
    Audit(commands::audit::Arguments),
    Repair(commands::repair::Arguments),
    #[command(subcommand)]
    Purge(commands::purge::Command),
    Rebuild(commands::rebuild::Arguments),
    #[command(subcommand)]
    Document(commands::document::Command),
    Explain(commands::explain::Arguments),
    Torture(commands::torture::Arguments),
    Subscribe(commands::subscribe::Arguments),
    Publish(commands::publish::Arguments),
    #[command(subcommand)]
    Subscription(commands::subscription::Command),
    #[command(subcommand)]
    Filter(commands::filter::Command),
    #[command(subcommand)]
    Schema(commands::schema::Command),
    #[command(subcommand)]
    Sealing(commands::sealing::Command),
    #[command(subcommand)]
    Security(commands::security::Command),
    Login(commands::login::Arguments),
    #[command(subcommand)]
    Session(commands::session::Command),
    #[command(subcommand)]
    User(commands::user::Command),
    Role(commands::role::Arguments),
    Profile(commands::profile::Arguments),
    #[command(subcommand)]
    Key(commands::key::Command),
    Completions(commands::completions::Arguments),
}
