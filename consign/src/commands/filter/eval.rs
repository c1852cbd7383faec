//! `consign filter eval`: verdicts of filters on documents, line by line. Must never stop at a
//! filter that is refused: its line says so, and the next one follows.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::{Value, json};

use super::{Limits, fault_json, write_line};

/// Evaluate filters on documents.
///
/// Each line is `{"id", "filter", "documents": […]}` and is answered by `{"id", "matches": [true |
/// false, …]}`, or by `{"id", "error": {"message", "path", "keyword"}}`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The file to read; `-` for standard input.
    pub file: PathBuf,
    /// Hold all filters in one engine. Lines are `{"type": "filter", "index", "filter"}`, then
    /// `{"type": "document", "index", "document"}`, each answered by `{"index", "matches": [indexes
    /// of filters]}`.
    #[arg(long)]
    pub index: bool,
    #[command(flatten)]
    pub limits: Limits,
}

pub fn run(arguments: Arguments, input: impl BufRead, mut out: impl Write) -> anyhow::Result<()> {
    let options = arguments.limits.options();
    let mut indexed = Indexed::default();
    for (at, line) in input.lines().enumerate() {
        let line = line.context("cannot read the input")?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(&line)
            .with_context(|| format!("line {} is not valid JSON", at + 1))?;
        let answer = if arguments.index {
            indexed.line(&value, &options)
        } else {
            eval_line(&value, &options).map(Some)
        };
        if let Some(answer) = answer.with_context(|| format!("line {}", at + 1))? {
            write_line(&mut out, &answer)?;
        }
    }
    out.flush().context("cannot write the answers")
}

/// One filter and its documents.
fn eval_line(line: &Value, options: &Options) -> anyhow::Result<Value> {
    let id = line.get("id").cloned().unwrap_or(Value::Null);
    let documents = line
        .get("documents")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    match Filter::parse(line.get("filter").context("`filter` is missing")?, options) {
        Ok(filter) => {
            let matches: Vec<bool> = documents
                .iter()
                .map(|document| filter.matches(&Document::new(document)))
                .collect();
            Ok(json!({ "id": id, "matches": matches }))
        }
        Err(error) => Ok(json!({ "id": id, "error": fault_json(&error) })),
    }
}

/// All filters at once.
#[derive(Default)]
struct Indexed {
    engine: Engine,
    scratch: Scratch,
    registered: BTreeSet<u64>,
}

impl Indexed {
    /// A document is answered; so is a filter that is refused.
    fn line(&mut self, line: &Value, options: &Options) -> anyhow::Result<Option<Value>> {
        let index = line
            .get("index")
            .and_then(Value::as_u64)
            .context("`index` must be a whole number")?;
        match line.get("type").and_then(Value::as_str) {
            Some("filter") => {
                if !self.registered.insert(index) {
                    bail!("filter {index} comes twice");
                }
                match Filter::parse(line.get("filter").context("`filter` is missing")?, options) {
                    Ok(filter) => self.engine.register(index, &filter.normalise()),
                    Err(error) => {
                        return Ok(Some(json!({ "index": index, "error": fault_json(&error) })));
                    }
                }
                Ok(None)
            }
            Some("document") => {
                let document =
                    Document::new(line.get("document").context("`document` is missing")?);
                let mut matches = self.engine.matches(&document, &mut self.scratch).to_vec();
                matches.sort_unstable();
                Ok(Some(json!({ "index": index, "matches": matches })))
            }
            _ => bail!("`type` must be \"filter\" or \"document\""),
        }
    }
}
