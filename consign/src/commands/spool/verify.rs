//! `consign spool verify`: reads every record of every spool; fails if one cannot be read.

use super::{
    super::Invocation,
    selection::{FoundSpool, SpoolSelection},
};
use crate::failure::Failure;
use clap::Args;
use serde::Serialize;
use spool::SpoolSite;

const EXAMPLES: &str = "\
Examples:
  consign spool verify --folder /var/lib/consign/spool";

/// Read every record of every spool; exit 1 if one is damaged
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    which: SpoolSelection,
}

#[derive(Serialize)]
struct VerifiedSpool {
    folder: String,
    /// That could be read.
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
}

pub async fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let site = arguments.which.site(&settings)?;
    let mut verified = Vec::new();
    for name in site.list().await? {
        verified.push(verify_spool(site.as_ref(), &name).await);
    }
    invocation.output.result(&verified, |verified| {
        let line = |one: &VerifiedSpool| match &one.damage {
            None => format!("{}: {} records, sound\n", one.folder, one.records),
            Some(damage) => format!("{}: {} records, then {damage}\n", one.folder, one.records),
        };
        verified.iter().map(line).collect()
    })?;
    if verified.iter().any(|one| one.damage.is_some()) {
        return Err(Failure::failed("a spool is damaged"));
    }
    Ok(())
}

async fn verify_spool(site: &dyn SpoolSite, name: &str) -> VerifiedSpool {
    let mut verified = VerifiedSpool {
        folder: name.to_owned(),
        records: 0,
        damage: None,
    };
    if let Err(failure) = count_records(site, name, &mut verified.records).await {
        verified.damage = Some(failure.message);
    }
    verified
}

/// Reads all records, and counts those that could be read.
async fn count_records(site: &dyn SpoolSite, name: &str, count: &mut u64) -> Result<(), Failure> {
    let spool = FoundSpool::open(site, name, None).await?;
    let mut next = spool.found().earliest;
    loop {
        let read = spool.read(next).await?;
        if read.is_empty() {
            return Ok(());
        }
        *count += read.len() as u64;
        next += read.len() as u64;
    }
}
