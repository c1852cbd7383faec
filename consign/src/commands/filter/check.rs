//! `consign filter check`: whether a filter is valid, what it costs, whether it can match. Must
//! never accept what a subscription would refuse.

use std::io::{BufRead, Write};

use clap::Args;
use matching::elasticsearch;
use serde_json::json;

use super::{Limits, fault_json, read_filter, write_line};

/// Check a filter. Fails when it is refused.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The filter as JSON, `@FILE`, or `-` for standard input.
    #[arg(default_value = "-")]
    pub filter: String,
    #[command(flatten)]
    pub limits: Limits,
}

pub fn run(arguments: Arguments, input: impl BufRead, mut out: impl Write) -> anyhow::Result<()> {
    let value = read_filter(&arguments.filter, input)?;
    let filter = match matching::Filter::parse(&value, &arguments.limits.options()) {
        Ok(filter) => filter,
        Err(error) => {
            write_line(
                &mut out,
                &json!({ "valid": false, "error": fault_json(&error) }),
            )?;
            anyhow::bail!("the filter is refused: {error}");
        }
    };
    let search = match elasticsearch::translate_filter(&filter) {
        Ok(translation) => {
            json!({ "query": translation.query, "differences": translation.differences })
        }
        Err(error) => json!({ "untranslatable": error.to_string() }),
    };
    let answer = json!({ "valid": true, "never_matches": filter.never_matches(), "cost": filter.cost(), "elasticsearch": search });
    write_line(&mut out, &answer)
}
