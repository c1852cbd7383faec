//! What can be typed. Each command's own arguments are in its file.

use crate::commands;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

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
    #[command(subcommand)]
    Dlq(commands::dlq::Command),
    #[command(subcommand)]
    Spool(commands::spool::Command),
    Audit(commands::audit::Arguments),
    Repair(commands::repair::Arguments),
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
