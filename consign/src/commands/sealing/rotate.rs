//! `consign sealing rotate`: every subject's key is wrapped by the newest master key.

use super::{Invocation, OpenedKeys, open_keys};
use crate::failure::Failure;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign sealing rotate --config gateway.toml

Put the new master key first into secret.master_keys, keep the old ones behind it, restart gateways and workers, then run this. When it
says that none is unreadable, the old ones can be dropped. Nothing that is sealed changes; can be repeated.";

/// Wrap the keys of all subjects by the newest master key
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {}

pub async fn run(_arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let OpenedKeys {
        stack,
        subjects: keys,
        ..
    } = open_keys(invocation).await?;
    let report = keys.rotate().await?;
    stack.close().await;
    invocation.output.result(&report, |report| {
        format!(
            "{} rewrapped, {} already were, {} erased, {} unreadable\n",
            report.rewrapped, report.current, report.erased, report.unreadable
        )
    })?;
    match report.unreadable {
        0 => Ok(()),
        _ => Err(Failure::failed(
            "some keys are wrapped by a master key that is not held",
        )),
    }
}
