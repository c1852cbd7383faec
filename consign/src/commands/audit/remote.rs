//! An audit by a gateway: begun, and asked about until it is done.

use super::{Arguments, progress::AuditProgress};
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use audit::AuditReport;
use reqwest::Method;
use serde::Deserialize;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct AuditAnswer {
    audit_id: String,
    status: String,
    done: f64,
    phase: Option<String>,
    why: Option<String>,
    report: AuditReport,
}

pub async fn audit_remotely(
    url: &str,
    arguments: &Arguments,
    progress: &AuditProgress,
) -> Result<AuditReport, Failure> {
    let partitions = arguments.partition.iter();
    let partitions: String = partitions.map(|p| format!("&partition={p}")).collect();
    let query = format!("sample={}{partitions}", arguments.sample);
    Ok(audit_by(url, &query, progress).await?.1)
}

/// The audit's id, and what it found.
pub async fn audit_by(
    url: &str,
    query: &str,
    progress: &AuditProgress,
) -> Result<(String, AuditReport), Failure> {
    let client = Client::new(&Endpoint::at(url))?;
    let path = format!("/v1/audits?{query}");
    let begun = client.send(client.at(Method::POST, &path)).await?;
    let mut answer = parse_answer(begun.succeeded()?)?;
    while answer.status == "running" {
        let phase = answer.phase.as_deref().unwrap_or("beginning");
        progress.told(phase, answer.done, &answer.report);
        tokio::time::sleep(PAUSE).await;
        let path = format!("/v1/audits/{}", answer.audit_id);
        answer = parse_answer(client.get(&path).await?.succeeded()?)?;
    }
    if answer.status == "failed" {
        let why = answer.why.unwrap_or_default();
        return Err(Failure::failed(format!(
            "the gateway could not look: {why}"
        )));
    }
    Ok((answer.audit_id, answer.report))
}

fn parse_answer(body: serde_json::Value) -> Result<AuditAnswer, Failure> {
    serde_json::from_value(body)
        .map_err(|error| Failure::failed(format!("the gateway's answer cannot be read: {error}")))
}
