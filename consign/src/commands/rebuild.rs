//! `consign rebuild`: fills a store again with what the log says, beside live traffic, at the log's
//! versions. It makes what is missing of tables and indices; it never removes anything.

use super::Invocation;
use crate::{
    checkpoint::{self, Checkpoint},
    failure::Failure,
    progress::FractionBar,
    settings::{LogKind, Settings},
    stack::Stack,
};
use clap::{Args, ValueEnum};
use rebuild::{
    NewMappings, RebuildError, RebuildOptions, RebuildReport, RebuildScope, RebuiltStore,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  consign rebuild --index world --dry-run                what the view lacks of it
  consign rebuild --index world --collection cities
  consign rebuild --config production.toml --checkpoint rebuild.json [--resume]
  consign rebuild --store record --table user_by_org
  consign rebuild --index world --collection cities --mappings new.json --dry-run   what does not fit them
  consign rebuild --index world --collection cities --mappings new.json

Each document and row is written at the version that the log gave it: a store skips what it holds, or
holds newer, so writes go on meanwhile, and a rebuild may be cut short and begun again.

Exit codes: 0 done, 1 the store refused something, 2 usage, 3 the log or a store is out of reach.";

/// Rebuild a view, the record, one collection or one table from the log, while writes continue
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What is rebuilt; the view, unless a table is named
    #[arg(long, value_enum)]
    store: Option<StoreName>,
    /// Only documents of this index
    #[arg(long, value_name = "INDEX")]
    index: Option<String>,
    /// Only documents of this collection of the index
    #[arg(long, value_name = "COLLECTION", requires = "index")]
    collection: Option<String>,
    /// Only rows of this table of the record
    #[arg(long, value_name = "TABLE", conflicts_with = "index")]
    table: Option<String>,
    /// JSON file of new mappings: a second index under them takes the place of the collection's first
    #[arg(
        long,
        value_name = "FILE",
        requires = "collection",
        conflicts_with_all = ["store", "checkpoint", "partial"]
    )]
    mappings: Option<PathBuf>,
    /// Dry run: count what the store lacks, or name what does not fit new mappings
    #[arg(long)]
    dry_run: bool,
    /// Rebuild the record though the log no longer holds everything
    #[arg(long)]
    partial: bool,
    /// State file, to resume the rebuild from
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Resume from the checkpoint
    #[arg(long, requires = "checkpoint")]
    resume: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreName {
    View,
    Record,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let is_embedded = settings.log.kind == LogKind::Embedded;
    if is_embedded && !settings.data.exists() {
        let why = format!("there is no pipeline's data in {}", settings.data.display());
        let hint = "another folder: --set data=FOLDER; servers: --config FILE";
        return Err(Failure::failed(why).hint(hint));
    }
    let bar = FractionBar::new(invocation.output.json);
    let stack = Stack::open(&settings).await?;
    let rebuilt = rebuild_in(&stack, &settings, &arguments, &bar).await;
    stack.close().await;
    bar.end();
    let report = rebuilt?;
    invocation.output.result(&report, report_text)?;
    if report.counts.refused > 0 {
        return Err(Failure::told());
    }
    Ok(())
}

fn rebuild_scope(arguments: &Arguments) -> RebuildScope {
    let store = match (arguments.store, &arguments.table) {
        (Some(StoreName::Record), _) | (None, Some(_)) => RebuiltStore::Record,
        (Some(StoreName::View), _) | (None, None) => RebuiltStore::View,
    };
    RebuildScope {
        store,
        index: arguments.index.clone(),
        collection: arguments.collection.clone(),
        table: arguments.table.clone(),
    }
}

async fn rebuild_in(
    stack: &Stack,
    settings: &Settings,
    arguments: &Arguments,
    bar: &FractionBar,
) -> Result<RebuildReport, Failure> {
    let ports = stack.audit_ports(settings)?;
    let observe_bar = |report: &RebuildReport| {
        let counts = &report.counts;
        let written = counts.copied + counts.documents + counts.rows;
        bar.set(report.fraction(), format!("{written} documents and rows"));
    };
    if let Some(file) = &arguments.mappings {
        let asked = NewMappings {
            index: arguments.index.clone().unwrap_or_default(),
            collection: arguments.collection.clone().unwrap_or_default(),
            mappings: mappings_in(file)?,
            is_dry_run: arguments.dry_run,
        };
        return Ok(rebuild::remap_collection(&ports, &asked, &observe_bar).await?);
    }
    let resume = match (&arguments.checkpoint, arguments.resume) {
        (Some(file), true) => Some(checkpoint::read_checkpoint(file)?),
        (_, _) => None,
    };
    let options = RebuildOptions {
        scope: rebuild_scope(arguments),
        is_dry_run: arguments.dry_run,
        is_partial: arguments.partial,
        resume,
    };
    let kept = arguments.checkpoint.as_deref().map(Checkpoint::at);
    let observe = |report: &RebuildReport| {
        observe_bar(report);
        if let Some(kept) = &kept
            && let Err(error) = kept.keep(report)
        {
            bar.note(&format!("the checkpoint cannot be written: {error}"));
        }
    };
    let report = rebuild::run_rebuild(&ports, options, &observe).await?;
    if let Some(kept) = &kept {
        kept.write(&report)?;
    }
    Ok(report)
}

fn mappings_in(file: &Path) -> Result<Value, Failure> {
    let usage = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| usage(error.to_string()))?;
    let mappings: Value = serde_json::from_str(&text).map_err(|error| usage(error.to_string()))?;
    if mappings.is_object() {
        Ok(mappings)
    } else {
        Err(usage("mappings are an object".to_owned()))
    }
}

impl From<RebuildError> for Failure {
    fn from(error: RebuildError) -> Self {
        use RebuildError as E;
        let text = error.to_string();
        match error {
            E::Store(error) => error.into(),
            E::Log(_) => Self::unreachable(text),
            E::NoView => Self::usage(text).hint("consign rebuild --store record"),
            E::NothingNamed(_) => Self::usage(text),
            E::LogIsTrimmed { .. } => {
                Self::failed(text).hint("--partial rebuilds what the log still holds")
            }
            E::Busy(_) => Self::failed(text),
            E::Alarm { .. } => Self::failed(text).hint("consign audit"),
        }
    }
}

fn report_text(report: &RebuildReport) -> String {
    let counts = &report.counts;
    let mut text = if !report.is_done {
        "nothing was changed: not every document fits\n".to_owned()
    } else if report.is_dry_run {
        format!(
            "nothing was written\n{} documents are lacking or older in the store, of {} states in the log and {} copied from the record\n{} rows would be written; a store skips those that it holds\n",
            counts.differing, counts.documents, counts.copied, counts.rows
        )
    } else {
        format!(
            "rebuilt\n{} documents and {} rows of the log, {} documents copied from the record\n",
            counts.documents, counts.rows, counts.copied
        )
    };
    for one in &report.refused {
        text += &format!("refused: {}: {}: {}\n", one.item, one.code, one.message);
    }
    let named = report.refused.len() as u64;
    if counts.refused > named {
        text += &format!("and {} more were refused\n", counts.refused - named);
    }
    text
}
