//! `consign repair`: audits by a gateway, lets the workers mend what was found, and audits again.

use super::{
    Invocation,
    audit::{progress::AuditProgress, remote, report},
};
use crate::{
    client::{Client, Endpoint},
    confirmation::require_confirmation,
    failure::Failure,
};
use audit::AuditReport;
use clap::Args;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

const EXAMPLES: &str = "\
Examples:
  consign repair
  consign repair --yes --reason 'the disk of node 3' --url http://gateway:8080 --json

Each item is written again as the log says it is, by the worker that owns it, at a version of its own; subscribers are not
notified, and `_version` stays. What changed meanwhile is left as it is.

Exit codes: 0 nothing differs now, 1 something still does (or was not to be mended), 2 usage, 3 it could not look.";

/// Repair what an audit found, through the workers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// The reason, kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// How long to wait for the workers, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    #[command(flatten)]
    client: Endpoint,
}

/// What a repair came to.
#[derive(Debug, Serialize)]
struct RepairReport {
    found: usize,
    asked: usize,
    /// Requests that were refused, or have no verdict yet.
    not_mended: Vec<String>,
    left: Vec<UnmendedItem>,
    after: AuditReport,
}

#[derive(Debug, Deserialize)]
struct MendingAnswer {
    requests: Vec<MendingRequest>,
    left: Vec<UnmendedItem>,
}

#[derive(Debug, Deserialize)]
struct MendingRequest {
    request_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct UnmendedItem {
    key: String,
    store: String,
    why: String,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let progress = AuditProgress::new(invocation.output.json);
    let client = Client::new(&arguments.client)?;
    let url = &arguments.client.url;
    let audited = remote::audit_by(url, "sample=1", &progress).await;
    let (id, before) = audited.map_err(Failure::could_not_look)?;
    progress.end();
    if !before.has_findings() {
        invocation.output.result(&before, report::report_text)?;
        return super::audit::audit_verdict(&before);
    }
    invocation.output.note(&report::report_text(&before));
    require_confirmation("mend these?", arguments.yes, "nothing was mended")?;
    let reason = arguments.reason.iter().map(|text| ("reason", text.clone()));
    let reason: Vec<_> = reason.collect();
    let asked = client.at(Method::POST, &format!("/v1/audits/{id}/repair"));
    let answer = client.send(asked.query(&reason)).await?.succeeded()?;
    let answer: MendingAnswer = serde_json::from_value(answer)
        .map_err(|error| Failure::failed(format!("the gateway's answer: {error}")))?;
    let asked = answer.requests.len();
    let not_mended = unmended_requests(&client, answer.requests, arguments.wait).await?;
    let progress = AuditProgress::new(invocation.output.json);
    let audited = remote::audit_by(url, "sample=1", &progress).await;
    progress.end();
    let (_, after) = audited.map_err(Failure::could_not_look)?;
    let told = RepairReport {
        found: before.findings.len(),
        asked,
        not_mended,
        left: answer.left,
        after,
    };
    invocation.output.result(&told, report_text)?;
    super::audit::audit_verdict(&told.after)
}

/// Those that are not applied in time.
async fn unmended_requests(
    client: &Client,
    requests: Vec<MendingRequest>,
    wait: u64,
) -> Result<Vec<String>, Failure> {
    let deadline = Instant::now() + Duration::from_secs(wait);
    let mut not_mended = Vec::new();
    for MendingRequest { request_id, .. } in requests {
        let known = client.decided_request(&request_id, deadline).await?;
        match known["status"].as_str().unwrap_or("queued") {
            "applied" => {}
            status => not_mended.push(format!("{request_id} {status}")),
        }
    }
    Ok(not_mended)
}

fn report_text(told: &RepairReport) -> String {
    let mut text = format!(
        "{} found, {} mended\n",
        told.found,
        told.asked - told.not_mended.len()
    );
    for one in &told.not_mended {
        text += &format!("not mended: {one}\n");
    }
    for one in &told.left {
        text += &format!("left: {} in {}: {}\n", one.key, one.store, one.why);
    }
    text + "\naudited again: " + &report::report_text(&told.after)
}
