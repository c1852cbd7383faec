//! `consign spool export`: the records of spools, one a line, for people and other tools.

use super::{
    super::Invocation,
    selection::{FoundSpool, SpoolSelection},
};
use crate::failure::Failure;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::Args;
use event_schema::codec;
use serde_json::{Map, Value, json};
use spool::medium::SpooledRecord;

const EXAMPLES: &str = "\
Examples:
  consign spool export --folder /var/lib/consign/spool > spooled.ndjson
  consign spool export --folder /var/lib/consign/spool | jq .headers.ce_operation";

/// Print the records of spools, a line of JSON for each
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    which: SpoolSelection,
}

pub async fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let site = arguments.which.site(&settings)?;
    for name in site.list().await? {
        let found = FoundSpool::open(site.as_ref(), &name, None).await?;
        let spool = found.medium.id().to_string();
        let mut next = found.found().earliest;
        loop {
            let read = found.read(next).await?;
            if read.is_empty() {
                break;
            }
            next += read.len() as u64;
            for record in &read {
                invocation
                    .output
                    .line(&record_json(&spool, record).to_string());
            }
        }
    }
    Ok(())
}

fn record_json(spool: &str, spooled: &SpooledRecord) -> Value {
    let record = &spooled.record;
    let headers: Map<String, Value> = record
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), bytes_json(value)))
        .collect();
    let value = record
        .value
        .as_ref()
        .map(|value| serde_json::from_slice(value).unwrap_or_else(|_| bytes_json(value)));
    json!({
        "spool": spool,
        "number": spooled.number,
        "spooled_at": codec::rfc3339(spooled.spooled_at),
        "topic": &*record.topic,
        "partition": record.partition,
        "key": record.key.as_ref().map(bytes_json),
        "headers": headers,
        "value": value,
    })
}

/// Bytes that are no text are base64.
fn bytes_json(bytes: &Bytes) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": STANDARD.encode(bytes)}),
    }
}
