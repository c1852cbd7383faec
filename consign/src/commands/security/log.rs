//! `consign security log`: who logged in, was refused and changed rights, from any gateway. It changes
//! nothing.

mod event_line;
pub mod search;
pub mod tail;
pub mod verify;

use super::Invocation;
use crate::{client::Client, failure::Failure};
use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Follow, search and verify the log of security events
#[derive(Debug, Subcommand)]
pub enum Command {
    Tail(tail::Arguments),
    Search(search::Arguments),
    Verify(verify::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Tail(arguments) => tail::run(arguments, invocation).await,
        Command::Search(arguments) => search::run(arguments, invocation).await,
        Command::Verify(arguments) => verify::run(arguments, invocation).await,
    }
}

/// One page: events, and where the next begins.
async fn fetch_page(client: &Client, query: &[(&str, String)]) -> Result<LogPage, Failure> {
    let asked = client.at(Method::GET, "/v1/security/log").query(query);
    let page = client.send(asked.timeout(Duration::from_secs(30))).await?;
    let mut page = page.succeeded()?;
    let number = |page: &Value, name: &str| page[name].as_u64().unwrap_or_default();
    Ok(LogPage {
        next: number(&page, "next"),
        end: number(&page, "end"),
        events: match page["events"].take() {
            Value::Array(events) => events,
            _ => Vec::new(),
        },
    })
}

struct LogPage {
    events: Vec<Value>,
    next: u64,
    end: u64,
}
