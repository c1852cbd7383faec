//! `consign filter`: try filters on documents without any server. Must never touch the network, nor
//! answer otherwise than the engine that notifies subscribers.

pub mod check;
pub mod eval;
pub mod explain;
pub mod normalise;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::path::Path;

use anyhow::Context;
use clap::{Args, Subcommand};
use matching::{Filter, FilterError, Options};
use serde_json::{Value, json};

/// Evaluate, explain and check filters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Evaluate filters on documents, one JSON object a line.
    Eval(eval::Arguments),
    /// Explain which clause of a filter failed on a document, and the value it compared.
    Explain(explain::Arguments),
    /// Check a filter: what it costs, whether it can ever match.
    Check(check::Arguments),
    /// Show the canonical form of a filter and its room id.
    Normalise(normalise::Arguments),
}

/// Runs the subcommand on standard input and output. All but `explain` answer in JSON, asked to or
/// not.
pub fn run(command: Command, json: bool) -> anyhow::Result<()> {
    let out = stdout().lock();
    match command {
        Command::Eval(arguments) => {
            let input = open_input(&arguments.file)?;
            eval::run(arguments, input, out)
        }
        Command::Explain(arguments) => explain::run(arguments, json, stdin().lock(), out),
        Command::Check(arguments) => check::run(arguments, stdin().lock(), out),
        Command::Normalise(arguments) => normalise::run(arguments, stdin().lock(), out),
    }
}

/// How large filters may be.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// The most conditions a filter may have.
    #[arg(long, default_value_t = Options::default().max_conditions, value_name = "N")]
    pub max_conditions: usize,
}

impl Limits {
    pub fn options(&self) -> Options {
        Options {
            max_conditions: self.max_conditions,
            ..Options::default()
        }
    }
}

/// A file, or standard input for `-`.
fn open_input(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// A filter given as JSON, as `@file`, or as `-` for the input.
pub(super) fn read_filter(argument: &str, mut input: impl Read) -> anyhow::Result<Value> {
    let text = match argument.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
        }
        None if argument == "-" => {
            let mut text = String::new();
            input
                .read_to_string(&mut text)
                .context("cannot read the filter from standard input")?;
            text
        }
        None => argument.to_owned(),
    };
    serde_json::from_str(&text).context("the filter is not valid JSON")
}

/// What is wrong with a filter, as it is written on a line of output.
fn fault_json(error: &FilterError) -> Value {
    json!({ "message": error.to_string(), "path": error.path, "keyword": error.keyword })
}

fn parse_filter(value: &Value, limits: &Limits) -> anyhow::Result<Filter> {
    Filter::parse(value, &limits.options())
        .map_err(|error| anyhow::anyhow!("the filter is refused: {error}"))
}

fn write_line(out: &mut impl Write, value: &Value) -> anyhow::Result<()> {
    writeln!(out, "{value}").context("cannot write the answer")
}

#[cfg(test)]
mod tests;
