//! `consign dlq job`: a replay as a job of the gateway: how far it is, and what it is asked to do.
//! Whoever starts one waits for it here.

use super::{Invocation, text};
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use ::replay::JobOrder;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use serde_json::Value;
use std::{io::IsTerminal, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign dlq job 5f00aa93c2d41b7e0c11
  consign dlq job 5f00aa93c2d41b7e0c11 --pause
  consign dlq job 5f00aa93c2d41b7e0c11 --resume --follow

A job is kept in the record store: any gateway shows it, and goes on with one that a killed gateway left.";

const TEMPLATE: &str = "{bar:32} {pos}/{len}  {msg}  ETA {eta}";
const PAUSE: Duration = Duration::from_millis(100);

/// Show a job of replays or discards, pause it, let it go on, or end it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The job's id
    #[arg(value_name = "JOB")]
    id: String,
    /// Nothing more is moved until it is resumed
    #[arg(long, group = "wish")]
    pause: bool,
    /// Resume it, also where its gateway was killed
    #[arg(long, group = "wish")]
    resume: bool,
    /// Cancel it; what is moved stays moved
    #[arg(long, group = "wish")]
    cancel: bool,
    /// Wait until it ends
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let path = format!("/v1/replays/{}", arguments.id);
    let wishes = [
        (arguments.pause, "_pause"),
        (arguments.resume, "_resume"),
        (arguments.cancel, "_cancel"),
    ];
    for (_, wish) in wishes.iter().filter(|(is_asked, _)| *is_asked) {
        let request = client.at(Method::POST, &format!("{path}/{wish}"));
        client.send(request).await?.succeeded()?;
    }
    if arguments.follow {
        return follow_job(&client, &arguments.id, &invocation).await;
    }
    let job = client.get(&path).await?.succeeded()?;
    invocation.output.result(&job, job_text)
}

fn job_text(job: &Value) -> String {
    let of = |name: &str| job[name].as_str().unwrap_or_default();
    let mut shown = format!(
        "{}  {}  {}  {} of {}\nsince {} by {}\n",
        of("id"),
        of("action"),
        of("state"),
        job["done"],
        job["total"],
        of("created"),
        of("principal")
    );
    if let Some(reason) = job["order"]["reason"].as_str() {
        shown += &format!("reason: {reason}\n");
    }
    for (status, count) in job["counts"].as_object().into_iter().flatten() {
        shown += &format!("{status:<14} {count}\n");
    }
    shown
}

/// Starts a job and waits for its end.
pub async fn start_job(
    client: &Client,
    order: &JobOrder,
    invocation: &Invocation<'_>,
) -> Result<(), Failure> {
    let request = client.at(Method::POST, "/v1/replays").json(order);
    let job = client.send(request).await?.succeeded()?;
    let id = job["id"].as_str().unwrap_or_default().to_owned();
    invocation.output.note(&format!("job {id}"));
    follow_job(client, &id, invocation).await
}

/// Tells each item as it ends; fails unless every one came to what was wanted.
async fn follow_job(client: &Client, id: &str, invocation: &Invocation<'_>) -> Result<(), Failure> {
    let bar = progress_bar(invocation.output.json);
    let mut told = 0;
    loop {
        let path = format!("/v1/replays/{id}?from={told}");
        let job = client.get(&path).await?.succeeded()?;
        let number = |name: &str| job[name].as_u64().unwrap_or(0);
        let (done, total) = (number("done"), number("total"));
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(job["state"].as_str().unwrap_or_default().to_owned());
        let items = job["items"].as_array().into_iter().flatten();
        let mut is_whole = true;
        for item in items {
            if told >= done {
                is_whole = false;
                break;
            }
            told += 1;
            bar.suspend(|| print_item(item, invocation));
        }
        match job["state"].as_str() {
            Some("done" | "cancelled" | "paused") if told >= done || !is_whole => {
                bar.finish_and_clear();
                return job_outcome(&job, invocation);
            }
            Some("interrupted") => {
                let request = client.at(Method::POST, &format!("/v1/replays/{id}/_resume"));
                client.send(request).await?.succeeded()?;
            }
            _ => {}
        }
        if told >= done {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn print_item(item: &Value, invocation: &Invocation<'_>) {
    if invocation.output.json {
        invocation.output.line(&item.to_string());
    } else {
        invocation.output.line(&text::item_line(item));
    }
}

fn job_outcome(job: &Value, invocation: &Invocation<'_>) -> Result<(), Failure> {
    let counts = job["counts"].as_object().into_iter().flatten();
    let counts: Vec<String> = counts
        .map(|(end, count)| format!("{count} {end}"))
        .collect();
    let state = job["state"].as_str().unwrap_or_default();
    let (done, total) = (&job["done"], &job["total"]);
    let note = format!("{state}: {done} of {total}: {}", counts.join(", "));
    invocation.output.note(note.trim_end_matches([':', ' ']));
    if job["succeeded"] == true {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

fn progress_bar(json: bool) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() && !json {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar
}
