//! `consign upload`: a CSV file for an operation that takes one, followed until all of its lines are
//! carried out. Typed again after an interruption, it is the same upload.

mod sent_file;

use super::Invocation;
use crate::{
    client::{self, Client},
    failure::Failure,
};
use clap::Args;
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use sent_file::SentFile;
use serde::Serialize;
use serde_json::Value;
use std::{
    io::{self, IsTerminal, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

const EXAMPLES: &str = "\
Examples:
  consign upload users.csv --type user
  consign upload blocks.csv --type location --field type=block --results blocks.done.csv
  consign upload shop.csv --type stock.bulk.upload          any operation that takes a file

The answer comes when the file is safe in the log; which gateway carries out its lines does not matter. The same file, typed again within the
time that Idempotency-Keys are kept, is the same upload; --afresh uploads it once more. Exit 1 if lines failed.";

/// Upload a CSV file, and follow what becomes of its lines
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// CSV in UTF-8, the first line naming the columns
    file: PathBuf,
    /// user, organisation, location, or the name of an operation that takes a file
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Form field sent with the file; can be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<String>,
    /// Write the lines with the result of each to this file
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Upload again a file that was uploaded before
    #[arg(long)]
    afresh: bool,
    #[command(flatten)]
    client: client::Endpoint,
}

/// How it ended.
#[derive(Debug, Serialize)]
struct Uploaded {
    process: String,
    lines: u64,
    succeeded: u64,
    failed: u64,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let process = send_file(&client, &arguments).await?;
    invocation
        .output
        .note(&format!("the file is taken: process {process}"));
    let uploaded = follow_process(&client, process, invocation.shared.json).await?;
    if let Some(path) = &arguments.results {
        write_results(&client, &uploaded.process, path).await?;
    }
    invocation.output.result(&uploaded, |done| {
        format!(
            "{} lines: {} succeeded, {} failed\n",
            done.lines, done.succeeded, done.failed
        )
    })?;
    match uploaded.failed {
        0 => Ok(()),
        _ => Err(Failure::failed("some lines failed").hint("--results FILE says which, and why")),
    }
}

/// The id of its process.
async fn send_file(client: &Client, arguments: &Arguments) -> Result<String, Failure> {
    let operation = match arguments.kind.as_str() {
        "user" => "user.bulk.upload",
        "organisation" | "org" => "org.bulk.upload",
        "location" => "location.bulk.upload",
        other => other,
    };
    let mut fields = Vec::new();
    for field in &arguments.field {
        let pair = field.split_once('=');
        fields.push(pair.ok_or_else(|| Failure::usage(format!("--field {field}: NAME=VALUE")))?);
    }
    let file = SentFile::read(&arguments.file, &fields).await?;
    let path = format!("/v1/operations/{operation}");
    let mut request = client
        .at(Method::POST, &path)
        .query(&fields)
        .header("content-type", "text/csv")
        // A file that grows or shrinks meanwhile is not taken.
        .header("content-length", file.bytes);
    if !arguments.afresh {
        request = request.header("idempotency-key", &file.key);
    }
    let sent = client.send(request.body(file.body().await?)).await?;
    let taken = sent.succeeded()?;
    match taken["processId"].as_str() {
        Some(process) => Ok(process.to_owned()),
        None => Err(Failure::failed(format!("no process in {taken}"))),
    }
}

/// Writes the lines with the result of each to a file, as they come.
async fn write_results(client: &Client, process: &str, path: &Path) -> Result<(), Failure> {
    let results = format!("/v1/upload/results/{process}");
    let answer = client.at(Method::GET, &results).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status);
    let mut pieces = answer.map_err(|error| client.away(&error))?.bytes_stream();
    let unwritten = |error: io::Error| Failure::failed(format!("{}: {error}", path.display()));
    let mut file = std::fs::File::create(path).map_err(unwritten)?;
    while let Some(piece) = pieces
        .try_next()
        .await
        .map_err(|error| client.away(&error))?
    {
        file.write_all(&piece).map_err(unwritten)?;
    }
    Ok(())
}

/// Until every line is carried out; a gateway that is away is waited for.
async fn follow_process(client: &Client, process: String, json: bool) -> Result<Uploaded, Failure> {
    let target = if std::io::stderr().is_terminal() && !json {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} lines  {msg}  ETA {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let path = format!("/v1/upload/status/{process}");
    let mut away = 0;
    loop {
        let answer = match client.get(&path).await {
            Ok(answer) if answer.status < 500 => answer.succeeded()?,
            _ if away < 120 => {
                away += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            }
            answer => answer?.succeeded()?,
        };
        away = 0;
        let result = &answer["result"];
        let count = |name: &str| result[name].as_u64().unwrap_or_default();
        bar.set_length(count("taskCount"));
        bar.set_position(count("processed"));
        bar.set_message(format!("{} failed", count("failed")));
        if matches!(&result["status"], Value::String(status) if status == "COMPLETED") {
            bar.finish_and_clear();
            return Ok(Uploaded {
                process,
                lines: count("taskCount"),
                succeeded: count("succeeded"),
                failed: count("failed"),
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
