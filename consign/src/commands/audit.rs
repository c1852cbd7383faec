//! `consign audit`: what the log says against what the stores hold. On servers it looks itself; a
//! running `consign dev`, which holds its data folder, is asked to. Must never write to a store.

mod direct;
pub(super) mod progress;
pub(super) mod remote;
pub(super) mod report;

use super::Invocation;
use crate::{
    failure::Failure,
    settings::{LogKind, Settings},
    stack::Stack,
};
use clap::Args;
use progress::AuditProgress;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  consign audit
  consign audit --json | jq '.findings[] | {kind, key, store}'
  consign audit --config production.toml --checkpoint audit.json
  consign audit --config production.toml --checkpoint audit.json --resume
  consign audit --sample 100 --url http://127.0.0.1:8080

Exit codes: 0 clean, 1 something was found, 2 usage, 3 it could not look, or could not judge all that it looked at.";

/// Compare the log with the record and the view under live traffic, and list the differences
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Sample one in this many items, always the same ones
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    sample: u64,
    /// Only this partition of the log; can be repeated
    #[arg(long, value_name = "NUMBER")]
    partition: Vec<u16>,
    /// Memory for items that are compared at once, MiB; beyond, the log is read several times
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    memory: usize,
    /// State file, to resume the audit from
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    checkpoint: Option<PathBuf>,
    /// Resume from the checkpoint
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// Run the audit in this gateway; by default only where its process holds the data folder
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Where a `consign dev` listens unless it is told otherwise.
const DEV: &str = "http://127.0.0.1:8080";

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let progress = AuditProgress::new(invocation.output.json);
    let ended = perform_audit(&arguments, &settings, &progress).await;
    progress.end();
    let audited = ended.map_err(Failure::could_not_look)?;
    invocation.output.result(&audited, report::report_text)?;
    audit_verdict(&audited)
}

/// Nothing found is only clean where everything was judged.
pub(super) fn audit_verdict(audited: &audit::AuditReport) -> Result<(), Failure> {
    if audited.is_clean() {
        Ok(())
    } else if audited.has_findings() {
        Err(Failure::told())
    } else {
        Err(Failure::told().could_not_look())
    }
}

async fn perform_audit(
    arguments: &Arguments,
    settings: &Settings,
    progress: &AuditProgress,
) -> Result<audit::AuditReport, Failure> {
    if let Some(url) = &arguments.url {
        return remote::audit_remotely(url, arguments, progress).await;
    }
    let is_embedded = settings.log.kind == LogKind::Embedded;
    if is_embedded && !settings.data.exists() {
        let hint = "another folder: --set data=FOLDER; a gateway: --url; servers: --config FILE";
        let why = format!("there is no pipeline's data in {}", settings.data.display());
        return Err(Failure::failed(why).hint(hint));
    }
    let Some(stack) = Stack::open_unless_held(settings).await? else {
        return remote::audit_remotely(DEV, arguments, progress).await;
    };
    let audited = direct::audit_directly(&stack, settings, arguments, progress).await;
    stack.close().await;
    audited
}

#[cfg(test)]
mod tests;
