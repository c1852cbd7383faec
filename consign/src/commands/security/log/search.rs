//! `consign security log search`: events by type, user, address and time.

use super::{Invocation, event_line::print_events, fetch_page};
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign security log search --type login --user meera
  consign security log search --type role.changed --since 2026-01-01T00:00:00Z
  consign security log search --address 203.0.113.9 --json

A type stands for all that begin with it: `login` for login.succeeded, login.failed and
login.limited. With --json, a CloudEvent a line, with its offset in the log.";

/// Search the log of security events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only of this type, or of all that begin with it
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only what this user did, or what was done to the user
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only from this address
    #[arg(long, value_name = "IP")]
    address: Option<String>,
    /// Only from this time on, RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before this time, RFC 3339
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let wanted = [
        ("type", arguments.kind),
        ("user", arguments.user),
        ("address", arguments.address),
        ("since", arguments.since),
        ("until", arguments.until),
    ];
    let wanted = wanted
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut query: Vec<(&str, String)> = wanted.collect();
    query.extend([("limit", "1000".to_owned()), ("from", "0".to_owned())]);
    let mut found = 0;
    loop {
        let page = fetch_page(&client, &query).await?;
        found += page.events.len();
        print_events(invocation.output, &page.events)?;
        if page.next >= page.end {
            break;
        }
        if let Some((_, from)) = query.last_mut() {
            *from = page.next.to_string();
        }
    }
    if found == 0 {
        invocation
            .output
            .note("no such security event is in the log");
    }
    Ok(())
}
