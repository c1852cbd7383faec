//! `consign document history`: a line per change, the newest last.

use super::Invocation;
use crate::{client::Client, failure::Failure, output::format_table};
use clap::Args;
use reqwest::Url;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  consign document history world cities paris
  consign document history world cities paris --json | jq '.entries[]._source'

The document as it was at a time, or after a write:
  curl 'localhost:8080/v1/documents/world/cities/paris?at=2026-01-31T12:00:00Z'";

/// Show the changes of a document, as far back as the log keeps them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    index: String,
    collection: String,
    id: String,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let history = client.get(&history_path(&arguments)?).await?.succeeded()?;
    invocation.output.result(&history, history_text)
}

/// Ids may hold anything that a path takes as its own.
fn history_path(arguments: &Arguments) -> Result<String, Failure> {
    let usage = || Failure::usage("the document's name makes no path");
    let mut url = Url::parse("http://gateway/v1/documents").map_err(|_| usage())?;
    let names = [
        &arguments.index,
        &arguments.collection,
        &arguments.id,
        "_history",
    ];
    url.path_segments_mut()
        .map_err(|()| usage())?
        .extend(names.map(|name| name as &str));
    Ok(url.path().to_owned())
}

fn history_text(history: &Value) -> String {
    let entries = history["entries"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = entries.map(entry_row).collect();
    let names = [
        "time",
        "version",
        "what",
        "operation",
        "request",
        "document",
    ];
    let mut text = format_table(&names, &rows);
    if history["whole"] != true {
        let from = history["kept_from"].as_str().unwrap_or("now");
        text += &format!("the log keeps changes from {from} on\n");
    }
    if history["omitted"] != 0 {
        text += &format!("{} older changes are left out\n", history["omitted"]);
    }
    text
}

fn entry_row(entry: &Value) -> Vec<String> {
    let of = |name: &str| match &entry[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let undone = if entry["undone"] == true {
        " (undone)"
    } else {
        ""
    };
    let body = match &entry["_source"] {
        Value::Null => "-".to_owned(),
        body => body.to_string(),
    };
    let short = if body.chars().count() > 100 {
        body.chars().take(99).chain(['…']).collect()
    } else {
        body
    };
    vec![
        of("time"),
        of("_version"),
        format!("{}{undone}", of("action")),
        of("operation"),
        of("request_id"),
        short,
    ]
}
