//! `consign dlq import`: dead letters of a file, asked for anew. For those that were given up, or that
//! stand in another deployment: what still waits here is replayed or edited instead.

use super::Invocation;
use crate::{client::Client, confirmation::ask_confirmation, failure::Failure};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::PathBuf,
};

const EXAMPLES: &str = "\
Examples:
  consign dlq export --all --to letters.ndjson
  consign dlq import letters.ndjson --url http://staging:8080

Each is a new request of its operation, with the request of its event, behind all that was accepted before. It has an
idempotency key of the old request's id: importing a file twice does nothing twice, as long as such keys are kept.";

/// Submit the requests of a file of exported dead letters again
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A line of JSON each, as `consign dlq export` writes them
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

/// What is submitted again.
struct ImportedLetter {
    request_id: String,
    operation: String,
    request: Value,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let letters = read_letters(&arguments.file)?;
    let question = format!("Send {} requests again to {}?", letters.len(), client.url());
    ask_confirmation(&question, arguments.yes)?;
    let mut failed = 0;
    for letter in &letters {
        let told = import_letter(&client, letter).await?;
        if !matches!(told["status"].as_str(), Some("applied" | "accepted")) {
            failed += 1;
        }
        let of = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        if invocation.output.json {
            invocation.output.line(&told.to_string());
        } else {
            let line = format!("{}  {}  {}", letter.request_id, of("status"), of("detail"));
            invocation.output.line(line.trim_end());
        }
    }
    let done = letters.len() - failed;
    invocation
        .output
        .note(&format!("{done} of {} were sent again", letters.len()));
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

async fn import_letter(client: &Client, letter: &ImportedLetter) -> Result<Value, Failure> {
    let told = |status: &str, request: &Value, detail: &str| json!({"request_id": letter.request_id, "status": status, "new_request_id": request, "detail": detail});
    let waits = format!("/v1/dead-letters/{}", letter.request_id);
    if client.get(&waits).await?.status == 200 {
        let why = "it still waits here: replay, edit or discard it";
        return Ok(told("waits", &Value::Null, why));
    }
    let path = format!("/v1/operations/{}", letter.operation);
    let request = client
        .at(Method::POST, &path)
        .header(
            "idempotency-key",
            format!("dlq-import-{}", letter.request_id),
        )
        .header("prefer", "wait=20")
        .json(&letter.request);
    let answer = client.send(request).await?;
    let new = &answer.body["request_id"];
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    Ok(match answer.status {
        200 => told("applied", new, detail),
        202 => told("accepted", new, detail),
        _ => told(
            answer.body["code"].as_str().unwrap_or("refused"),
            new,
            detail,
        ),
    })
}

fn read_letters(path: &PathBuf) -> Result<Vec<ImportedLetter>, Failure> {
    let mut letters = Vec::new();
    for (n, line) in BufReader::new(File::open(path)?).lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let letter = parse_letter(&line).ok_or_else(|| {
            let why = "no dead letter as `consign dlq export` writes it";
            Failure::failed(format!("{}, line {}: {why}", path.display(), n + 1))
        })?;
        letters.push(letter);
    }
    Ok(letters)
}

fn parse_letter(line: &str) -> Option<ImportedLetter> {
    let whole: Value = serde_json::from_str(line).ok()?;
    let of = |name: &str| whole["dead_letter"][name].as_str().map(str::to_owned);
    let request = &whole["event"]["value"]["request"];
    Some(ImportedLetter {
        request_id: of("request_id")?,
        operation: of("operation")?,
        request: request.as_object().map(|_| request.clone())?,
    })
}
