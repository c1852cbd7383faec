//! `consign filter explain`: why a document matches a filter or not. Must never decide: it shows
//! what evaluation saw.

use std::io::{BufRead, Write};

use anyhow::Context;
use clap::Args;
use matching::{Document, Explanation};
use serde_json::Value;

use super::{Limits, parse_filter, read_filter};

/// Say why the document on standard input matches the filter or not.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The filter as JSON, or `@FILE`.
    pub filter: String,
    #[command(flatten)]
    pub limits: Limits,
}

/// One line per clause, or the tree as JSON.
pub fn run(
    arguments: Arguments,
    json: bool,
    input: impl BufRead,
    mut out: impl Write,
) -> anyhow::Result<()> {
    let filter = parse_filter(
        &read_filter(&arguments.filter, std::io::empty())?,
        &arguments.limits,
    )?;
    let document: Value = serde_json::from_reader(input)
        .context("the document on standard input is not valid JSON")?;
    let explanation = matching::explain_filter(&filter, &Document::new(&document));
    if json {
        serde_json::to_writer_pretty(&mut out, &explanation)
            .context("cannot write the explanation")?;
        writeln!(out)?;
        return Ok(());
    }
    print_clause(&explanation, 0, &mut out)
}

/// One line per clause, the parts of a clause below it.
fn print_clause(
    explanation: &Explanation,
    depth: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let verdict = if explanation.matches { "yes" } else { "no " };
    let field = explanation
        .field
        .as_ref()
        .map(|field| format!(" {field}"))
        .unwrap_or_default();
    let found = explanation
        .found
        .as_ref()
        .map(|found| format!(" (found {found})"))
        .unwrap_or_default();
    writeln!(
        out,
        "{verdict} {}{}{field}: {}{found}",
        "  ".repeat(depth),
        explanation.clause,
        explanation.reason
    )
    .context("cannot write the explanation")?;
    explanation
        .parts
        .iter()
        .try_for_each(|part| print_clause(part, depth + 1, out))
}
