//! `consign status`: the whole pipeline in one look, or over and over: what waits where and why, what
//! is held, the spools, the stores, and what to do next. Asks a gateway, and workers and notifiers at
//! their admin addresses; it changes nothing.

mod rates;
mod screen;

use super::Invocation;
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use clap::Args;
use rates::DrainRates;
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

const EXAMPLES: &str = "\
Examples:
  consign status
  consign status --watch                                 live, once a second
  consign status --service http://10.0.0.7:9090 --service http://10.0.0.8:9090
  consign status --json | jq '.partitions[] | select(.lag > 1000)'
  consign status --json | jq -r '.advice[] | .problem + \": \" + .remedy'

On servers each worker and notifier says at its admin address what it waits for: name them with
--service. With --json, one object; with --watch, one a line for each look.

Exit 0 if all is well, 1 if something fails or waits for a person, 3 if that cannot be seen.";

/// Show the whole pipeline in one look: what waits where and why, and what to do next
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Refresh until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Refresh interval
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    every: f64,
    /// The admin address of a worker or notifier; repeatable
    #[arg(long, value_name = "URL")]
    service: Vec<String>,
    #[command(flatten)]
    client: Endpoint,
}

/// A rate takes two looks.
const BETWEEN: Duration = Duration::from_secs(1);

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let gateway = Client::new(&arguments.client)?;
    let services = arguments.service.iter();
    let services = services.map(|url| {
        Client::new(&Endpoint {
            url: url.clone(),
            authority: arguments.client.authority.clone(),
        })
    });
    let services = services.collect::<Result<Vec<Client>, Failure>>()?;
    if arguments.watch {
        let every = Duration::from_secs_f64(arguments.every.clamp(0.1, 3_600.0));
        return watch_status(&gateway, &services, every, invocation).await;
    }
    let mut rates = DrainRates::default();
    let mut status = read_status(&gateway, &services).await?;
    rates.note(&status);
    if rates.is_behind(&status) {
        tokio::time::sleep(BETWEEN).await;
        status = read_status(&gateway, &services).await?;
        rates.note(&status);
    }
    rates.add_to(&mut status);
    invocation.output.result(&status, screen::status_text)?;
    match status["state"].as_str() {
        Some("well") => Ok(()),
        Some("attention" | "failing") => Err(Failure::told()),
        Some(_) | None => Err(Failure::unreachable("")),
    }
}

async fn watch_status(
    gateway: &Client,
    services: &[Client],
    every: Duration,
    invocation: Invocation<'_>,
) -> Result<(), Failure> {
    let redraws = std::io::stdout().is_terminal() && !invocation.output.json;
    let mut rates = DrainRates::default();
    loop {
        let shown = match read_status(gateway, services).await {
            Ok(mut status) => {
                rates.note(&status);
                rates.add_to(&mut status);
                if invocation.output.json {
                    status.to_string()
                } else {
                    screen::status_text(&status)
                }
            }
            // An outage is when this is watched.
            Err(failure) if redraws => format!("{}\n", failure.message),
            Err(failure) => return Err(failure),
        };
        if redraws {
            // Each line over the old one, so that nothing flickers.
            let lines = shown.replace('\n', "\x1b[K\n");
            let mut stdout = std::io::stdout().lock();
            _ = write!(stdout, "\x1b[H{lines}\x1b[J");
            _ = stdout.flush();
        } else {
            invocation.output.line(shown.trim_end());
        }
        tokio::time::sleep(every).await;
    }
}

/// What the gateway says, and below `services` what the others say; what is wrong with those is
/// advised about as well.
async fn read_status(gateway: &Client, services: &[Client]) -> Result<Value, Failure> {
    let mut status = gateway.get("/v1/status").await?.succeeded()?;
    let mut told = Vec::with_capacity(services.len());
    for service in services {
        let said = match service.get("/readyz").await {
            Ok(answer) => json!({"url": service.url(), "readiness": answer.body}),
            Err(failure) => json!({"url": service.url(), "problem": failure.message}),
        };
        add_advice(&mut status, &said);
        told.push(said);
    }
    status["services"] = told.into();
    Ok(status)
}

/// Adds what is wrong with a service to the advice, and to the state.
fn add_advice(status: &mut Value, service: &Value) {
    let url = service["url"].as_str().unwrap_or_default();
    let mut problems: Vec<(bool, String)> = Vec::new();
    if let Some(problem) = service["problem"].as_str() {
        problems.push((true, format!("{url}: {problem}")));
    }
    let components = service["readiness"]["components"].as_object();
    for (name, state) in components.into_iter().flatten() {
        if state["state"] == "ready" {
            continue;
        }
        let why = state["why"].as_str().unwrap_or_default();
        let seconds = &service["readiness"]["not_ready_seconds"][name];
        let seconds = seconds.as_u64().unwrap_or_default();
        let is_missing = state["state"] == "missing";
        problems.push((is_missing, format!("{url}: {name}, for {seconds} s: {why}")));
    }
    for (is_failing, problem) in problems {
        let severity = if is_failing { "failing" } else { "attention" };
        if is_failing || status["state"] != "failing" {
            status["state"] = severity.into();
        }
        let remedy = format!("consign health --url {url}");
        let advice = json!({"severity": severity, "problem": problem, "remedy": remedy});
        if let Some(all) = status["advice"].as_array_mut() {
            all.push(advice);
        }
    }
}

#[cfg(test)]
mod tests;
