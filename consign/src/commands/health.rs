//! `consign health`: is a service ready? For containers' health checks.

use super::Invocation;
use crate::{client::Client, failure::Failure, output::format_table};
use clap::Args;
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  consign health
  consign health --url http://127.0.0.1:9090      a write-worker's admin address

Exit 0 if it is ready, 1 if not or out of reach.";

/// Query the health of a gateway or worker: ready or not, and what is missing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let asked = client.get("/readyz").await;
    // A health check knows two answers only.
    let report = asked
        .map_err(|failure| Failure::failed(failure.message))?
        .body;
    invocation.output.result(&report, health_text)?;
    match report["ready"].as_bool() {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::told()),
        None => Err(Failure::failed(format!(
            "{}/readyz does not answer as a Consign service does",
            client.url()
        ))),
    }
}

fn health_text(report: &Value) -> String {
    let rows: Vec<Vec<String>> = report["components"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, state)| {
            vec![
                name.clone(),
                state["state"].as_str().unwrap_or_default().to_owned(),
                state["why"].as_str().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    let mut text = format_table(&["component", "state", "why"], &rows);
    for weak in report["weakened"].as_array().into_iter().flatten() {
        let of = |name: &str| weak[name].as_str().unwrap_or_default();
        text += &format!(
            "weak: {} {} is {}, better {}: {}\n",
            of("component"),
            of("setting"),
            of("found"),
            of("wanted"),
            of("consequence")
        );
    }
    text
}
