//! `consign filter normalise`: the canonical form of a filter and the room it names. Must never
//! change what the filter matches.

use std::io::{BufRead, Write};

use clap::Args;
use serde_json::json;

use super::{Limits, parse_filter, read_filter, write_line};

/// Show the canonical form of a filter and its room id.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The filter as JSON, `@FILE`, or `-` for standard input.
    #[arg(default_value = "-")]
    pub filter: String,
    /// The index the room belongs to.
    #[arg(long, default_value = "")]
    pub index: String,
    /// The collection the room belongs to.
    #[arg(long, default_value = "")]
    pub collection: String,
    #[command(flatten)]
    pub limits: Limits,
}

pub fn run(arguments: Arguments, input: impl BufRead, mut out: impl Write) -> anyhow::Result<()> {
    let form =
        parse_filter(&read_filter(&arguments.filter, input)?, &arguments.limits)?.normalise();
    let room = form.room_id(&arguments.index, &arguments.collection);
    write_line(
        &mut out,
        &json!({ "filter": form.to_json(), "room_id": room }),
    )
}
