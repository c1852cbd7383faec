//! `consign spool status`: what waits in each spool, and since when.

use super::{
    super::Invocation,
    folders::{FoundSpool, SpoolSelection},
};
use crate::{failure::Failure, output};
use clap::Args;
use event_schema::codec;
use serde::Serialize;

const EXAMPLES: &str = "\
Examples:
  consign spool status --config gateway.toml
  consign spool status --folder /var/lib/consign/spool --json";

/// Show how much waits in each spool, and since when
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    which: SpoolSelection,
}

#[derive(Serialize)]
struct SpoolLine {
    folder: String,
    spool: String,
    /// Does a process have it open?
    open: bool,
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<String>,
    shipped_through: u64,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let mut lines = Vec::new();
    for path in arguments.which.paths(&settings)? {
        lines.push(spool_line(&FoundSpool::open(&path, None)?)?);
    }
    invocation.output.result(&lines, |lines| {
        let row = |line: &SpoolLine| {
            vec![
                line.spool.clone(),
                line.records.to_string(),
                line.oldest.clone().unwrap_or_default(),
                if line.open { "yes" } else { "no" }.to_owned(),
                line.folder.clone(),
            ]
        };
        let rows: Vec<_> = lines.iter().map(row).collect();
        output::format_table(&["spool", "records", "oldest", "open", "folder"], &rows)
    })
}

fn spool_line(found: &FoundSpool) -> Result<SpoolLine, Failure> {
    let first = found.folder.read(found.folder.bounds().earliest, 1)?;
    Ok(SpoolLine {
        folder: found.path.display().to_string(),
        spool: found.folder.id().to_string(),
        open: found.is_held(),
        records: found.records(),
        oldest: first
            .first()
            .map(|record| codec::rfc3339(record.spooled_at)),
        shipped_through: found.folder.shipped.through,
    })
}
