//! `consign explain`: a request's way from acceptance to notification, on one screen.

use super::Invocation;
use crate::{client::Client, failure::Failure, output::format_table};
use clap::Args;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  consign explain r1AQAB…
  consign explain r1AQAB… --json | jq '.steps[] | {step, after_ms}'";

/// Explain what became of a request: when each stage was reached, what was decided, what is next
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The request's id, as the gateway gave it
    request: String,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let path = format!("/v1/requests/{}/explain", arguments.request);
    let explanation = client.get(&path).await?.succeeded()?;
    invocation.output.result(&explanation, explanation_text)
}

fn explanation_text(told: &Value) -> String {
    let of = |name: &str| told[name].as_str().unwrap_or_default();
    let mut text = format!(
        "{}  {}  on {}\n\n",
        of("request_id"),
        of("operation"),
        of("key")
    );
    let steps: Vec<Vec<String>> = list_members(told, "steps").map(step_row).collect();
    text += &format_table(&["step", "time", "after", "what"], &steps);
    let documents: Vec<Vec<String>> = list_members(told, "documents").map(document_row).collect();
    if !documents.is_empty() {
        let names = ["document", "version", "in the record", "in the view"];
        text += &format!("\n{}", format_table(&names, &documents));
    }
    let parts: Vec<Vec<String>> = list_members(told, "parts").map(part_row).collect();
    if !parts.is_empty() {
        let names = ["part", "operation", "key", "verdict"];
        text += &format!("\n{}", format_table(&names, &parts));
    }
    if !told["verdict"].is_null() {
        text += &format!("\nverdict: {}\n", told["verdict"]);
    }
    text + &format!("next: {}\n", of("next"))
}

fn list_members<'v>(told: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    told[name].as_array().into_iter().flatten()
}

fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn step_row(step: &Value) -> Vec<String> {
    let after = step["after_ms"].as_i64();
    vec![
        cell_text(&step["step"]),
        cell_text(&step["time"]),
        after.map_or_else(String::new, |after| format!("{after:+} ms")),
        cell_text(&step["detail"]),
    ]
}

fn document_row(one: &Value) -> Vec<String> {
    ["document", "_version", "record", "view"]
        .map(|name| cell_text(&one[name]))
        .to_vec()
}

fn part_row(one: &Value) -> Vec<String> {
    ["request_id", "operation", "key", "verdict"]
        .map(|name| cell_text(&one[name]))
        .to_vec()
}
