//! `consign spool ship`: ships spools that no gateway ships. Twice, or beside a gateway that comes
//! back, it does no harm.

use super::{
    super::Invocation,
    selection::{FoundSpool, SpoolSelection},
};
use crate::{
    failure::Failure,
    settings::Settings,
    spools,
    stack::{Logged, Stack},
};
use clap::Args;
use event_log::Log;
use serde::Serialize;
use spool::adopt;
use std::{fmt, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign spool ship --config gateway.toml
  consign spool ship --config gateway.toml --folder /mnt/dead-gateway/spool
  consign spool ship --config gateway.toml --held     what a frozen gateway holds, from a copy of its folder";

/// Ship the spools that no gateway has open
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    which: SpoolSelection,
    /// Also those that a process has open, from a copy; nothing is removed there
    #[arg(long)]
    held: bool,
    /// Timeout for shipping each spool, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    limit: u64,
}

#[derive(Serialize)]
struct ShippedLine {
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    spool: Option<String>,
    records: u64,
    /// It is open elsewhere, and was left alone.
    skipped: bool,
    /// Why it is not shipped, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let logged = Logged::shared(&settings)?;
    let problems = logged.log.admin.check(&logged.topics()).await?;
    if let Some(problem) = problems.first() {
        return Err(Failure::failed(problem.to_string()).hint("consign topics check"));
    }
    let topics = spools::topics_name(&settings.topics.layout());
    let mut lines = Vec::new();
    let site = arguments.which.site(&settings)?;
    for name in site.list().await? {
        let found = FoundSpool::open(site.as_ref(), &name, Some(&topics)).await;
        lines.push(ship_spool(&name, found, &arguments, &settings, &logged.log).await);
    }
    invocation.output.result(&lines, |lines| {
        lines.iter().map(|line| format!("{line}\n")).collect()
    })?;
    match lines.iter().filter(|line| line.error.is_some()).count() {
        0 => Ok(()),
        1 => Err(Failure::failed("a spool is not shipped whole")),
        failed => Err(Failure::failed(format!(
            "{failed} spools are not shipped whole"
        ))),
    }
}

impl fmt::Display for ShippedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            folder, records, ..
        } = self;
        match &self.error {
            Some(error) => write!(f, "{folder}: {error}"),
            None if self.skipped => {
                write!(
                    f,
                    "{folder}: open elsewhere, left alone (--held ships a copy)"
                )
            }
            None => write!(f, "{folder}: {records} records shipped"),
        }
    }
}

/// Ships one spool; what keeps one from it keeps no other.
async fn ship_spool(
    name: &str,
    found: Result<FoundSpool, Failure>,
    arguments: &Arguments,
    settings: &Settings,
    log: &Log,
) -> ShippedLine {
    let mut line = ShippedLine {
        folder: name.to_owned(),
        spool: None,
        records: 0,
        skipped: false,
        error: None,
    };
    let found = match found {
        Ok(found) => found,
        Err(failure) => {
            line.error = Some(failure.message);
            return line;
        }
    };
    line.spool = Some(found.medium.id().to_string());
    if found.is_held && !arguments.held {
        line.skipped = true;
        return line;
    }
    let limit = Duration::from_secs(arguments.limit);
    match adopt::ship_spool(found.medium, log, spools::spool_options(settings), limit).await {
        Ok(shipped) => {
            line.records = shipped.records;
            if let Ok(stack) = Stack::shared(settings) {
                spools::say_empty(stack.record.as_ref(), shipped.id).await;
            }
        }
        Err(error) => line.error = Some(error.to_string()),
    }
    line
}
