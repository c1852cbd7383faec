//! `consign security log verify`: are the chains of security events whole?

use super::Invocation;
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use clap::Args;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign security log verify
  consign security log verify --json | jq '.problems[]'

The events of each process form a chain that is tagged by the deployment's secret: one that is
missing, moved, changed or forged shows. What was cut off at the end of a chain does not: compare
the processes without an end with those that run or were killed.

Exit 0 if all chains are whole, 1 if they are not.";

/// Verify that no security event is missing, moved, changed or forged
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let asked = client.at(Method::GET, "/v1/security/log/verify");
    let report = client.send(asked.timeout(Duration::from_secs(600))).await?;
    let report = report.succeeded()?;
    invocation.output.result(&report, report_text)?;
    if report["whole"] == true {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

fn report_text(report: &Value) -> String {
    let verdict = match report["problem_count"].as_u64().unwrap_or_default() {
        0 => "whole".to_owned(),
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    };
    let (records, processes) = (&report["records"], &report["processes"]);
    let mut text = format!("{verdict}: {records} security events of {processes} processes\n");
    match report["lost"].as_u64().unwrap_or_default() {
        0 => {}
        lost => {
            text += &format!(
                "  {lost} more were lost: the log gave them up, as the processes say themselves\n"
            )
        }
    }
    if let Some(offset) = report["kept_from"].as_u64() {
        text += &format!("  those before offset {offset} are no longer kept\n");
    }
    let list = |name: &str| report[name].as_array().into_iter().flatten();
    for problem in list("problems") {
        let process = problem["process"].as_str().unwrap_or("unknown process");
        let what = problem["what"].as_str().unwrap_or_default();
        text += &format!("  offset {}, {process}: {what}\n", problem["offset"]);
    }
    for open in list("without_end") {
        let process = open["process"].as_str().unwrap_or_default();
        let sequence = &open["last_sequence"];
        text += &format!("  {process} has no end yet: its last event is {sequence}\n");
    }
    text
}
