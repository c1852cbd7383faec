//! `consign spool verify`: reads every record of every spool; fails if one cannot be read.

use super::{
    super::Invocation,
    folders::{FoundSpool, SpoolSelection},
};
use crate::failure::Failure;
use clap::Args;
use serde::Serialize;
use std::path::Path;

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

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let paths = arguments.which.paths(&settings)?;
    let verified: Vec<_> = paths.iter().map(|path| verify_spool(path)).collect();
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

fn verify_spool(path: &Path) -> VerifiedSpool {
    let mut verified = VerifiedSpool {
        folder: path.display().to_string(),
        records: 0,
        damage: None,
    };
    let found = match FoundSpool::open(path, None) {
        Ok(found) => found,
        Err(failure) => {
            verified.damage = Some(failure.message);
            return verified;
        }
    };
    let mut next = found.folder.bounds().earliest;
    loop {
        match found.folder.read(next, 256) {
            Ok(read) if read.is_empty() => break,
            Ok(read) => {
                verified.records += read.len() as u64;
                next += read.len() as u64;
            }
            Err(error) => {
                verified.damage = Some(error.to_string());
                break;
            }
        }
    }
    verified
}
