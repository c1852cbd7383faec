//! `consign request show`: asks a gateway, over HTTP.

use super::Invocation;
use crate::{client::Client, failure::Failure};
use clap::Args;
use serde_json::Value;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign request show r1AQABAAEHsTK8wNB9KiC4-Yrj3oAQ2jV8nF3
  consign request show r1… --follow                until there is a verdict
  consign request show r1… --url http://10.0.0.5:8080 --json

Exit 0 if it is queued or applied, 1 if it was refused, dead-lettered or is not known.";

/// Show a request: queued, applied, refused or dead-lettered, and in which stores
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The request's id, as the gateway gave it
    id: String,
    /// Poll until there is a verdict
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

const PAUSE: Duration = Duration::from_millis(300);

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let path = format!("/v1/requests/{}", arguments.id);
    let mut told = String::new();
    loop {
        let answer = client.get(&path).await?;
        if answer.status == 503 && arguments.follow {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let request = answer.succeeded()?;
        let state = request["status"].as_str().unwrap_or_default().to_owned();
        if state == "queued" && arguments.follow {
            let line = format!("queued, {} ahead", request["ahead"]);
            if line != told {
                invocation.output.note(&line);
                told = line;
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        invocation.output.result(&request, request_text)?;
        return match state.as_str() {
            "queued" | "applied" => Ok(()),
            _ => Err(Failure::told()),
        };
    }
}

fn request_text(request: &Value) -> String {
    let of = |name: &str| request[name].as_str().unwrap_or_default();
    let mut text = format!(
        "{}  {}  {}\n",
        of("request_id"),
        of("operation"),
        of("status")
    );
    text += &format!(
        "partition {}, offset {}, {} ahead\n",
        request["position"]["partition"], request["position"]["offset"], request["ahead"]
    );
    for (name, time) in request["times"].as_object().into_iter().flatten() {
        text += &format!("{name:<9} {}\n", time.as_str().unwrap_or_default());
    }
    for (name, state) in request["stores"].as_object().into_iter().flatten() {
        text += &format!("{name:<9} {}\n", state.as_str().unwrap_or_default());
    }
    if let Some(problem) = request["problem"].as_object() {
        let of = |name: &str| {
            problem
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        text += &format!("{}: {}\n", of("code"), of("detail"));
    }
    if !request["result"].is_null() {
        text += &format!("result    {}\n", request["result"]);
    }
    text
}
