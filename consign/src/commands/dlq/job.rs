//! `consign dlq job`: a replay as a job of the gateway: how far it is, and what it is asked to do.
//! Whoever starts one waits for it here.

use super::{Invocation, patience::ask_patiently, text};
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
/// Items of a job of which each is shown to a person, whatever it came to.
const LISTED: u64 = 100;

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
    if let Some(rate) = job["order"]["rate"].as_f64() {
        let left = job["total"].as_u64().zip(job["done"].as_u64());
        let left = left.map_or(0, |(total, done)| total.saturating_sub(done));
        let seconds = (left as f64 / rate).ceil();
        shown += &format!("at most {rate} a second: {seconds} s left or more\n");
    }
    if let Some(why) = job["waits"].as_str() {
        shown += &format!("waits: {why}\n");
    }
    if job["state"] == "interrupted" {
        let id = of("id");
        shown +=
            &format!("its gateway is gone; to go on: consign dlq job {id} --resume --follow\n");
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

/// Tells what becomes of the items; fails unless every one came to what was wanted.
async fn follow_job(client: &Client, id: &str, invocation: &Invocation<'_>) -> Result<(), Failure> {
    let kept = |failure: Failure| {
        let why = "the job is kept, and any gateway (--url) goes on with it";
        failure.hint(format!("{why}: consign dlq job {id} --resume --follow"))
    };
    let bar = progress_bar(invocation.output.json);
    let (mut told, mut untold) = (0, 0);
    loop {
        // Only what has an end by now: items hold much.
        let path = format!("/v1/replays/{id}?from={told}&limit={untold}");
        let ask = || client.at(Method::GET, &path);
        let answer = ask_patiently(client, ask).await.map_err(kept)?;
        let job = answer.succeeded()?;
        let number = |name: &str| job[name].as_u64().unwrap_or(0);
        let done = number("done");
        bar.set_length(number("total"));
        bar.set_position(done);
        bar.set_message(job["state"].as_str().unwrap_or_default().to_owned());
        let items = job["items"].as_array().map_or(&[][..], Vec::as_slice);
        for item in items {
            bar.suspend(|| print_item(item, &job, invocation));
        }
        told += items.len() as u64;
        // An item that is not there any more has nothing to tell.
        let is_whole = untold == 0 || !items.is_empty();
        untold = if is_whole {
            done.saturating_sub(told)
        } else {
            0
        };
        match job["state"].as_str() {
            Some("done" | "cancelled" | "paused") if untold == 0 => {
                bar.finish_and_clear();
                return job_outcome(&job, invocation);
            }
            Some("interrupted") => {
                let request = client.at(Method::POST, &format!("/v1/replays/{id}/_resume"));
                client.send(request).await.map_err(kept)?.succeeded()?;
            }
            _ => {}
        }
        if untold == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Of many, a person is shown those that did not come to what was wanted.
fn print_item(item: &Value, job: &Value, invocation: &Invocation<'_>) {
    let is_wanted = matches!(item["status"].as_str(), Some("applied" | "discarded"));
    if invocation.output.json {
        invocation.output.line(&item.to_string());
    } else if !is_wanted || job["total"].as_u64() <= Some(LISTED) {
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
    if state == "paused" {
        let id = job["id"].as_str().unwrap_or_default();
        let how = format!("to go on: consign dlq job {id} --resume --follow");
        invocation.output.note(&how);
    }
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
