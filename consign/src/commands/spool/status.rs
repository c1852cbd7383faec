//! `consign spool status`: what waits in each spool, and since when.

use super::{
    super::Invocation,
    selection::{FoundSpool, SpoolSelection},
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

pub async fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let mut lines = Vec::new();
    let site = arguments.which.site(&settings)?;
    for name in site.list().await? {
        lines.push(spool_line(
            &FoundSpool::open(site.as_ref(), &name, None).await?,
        ));
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

fn spool_line(spool: &FoundSpool) -> SpoolLine {
    let found = spool.found();
    SpoolLine {
        folder: spool.name.clone(),
        spool: spool.medium.id().to_string(),
        open: spool.is_held,
        records: found.count(),
        oldest: found.oldest.map(codec::rfc3339),
        shipped_through: found.shipped.through,
    }
}
