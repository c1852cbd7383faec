//! `consign security log tail`: the last events, and with `--follow` those that come.

use super::{Invocation, event_line::print_events, fetch_page};
use crate::{
    client::{Client, Endpoint},
    failure::Failure,
};
use clap::Args;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign security log tail
  consign security log tail --follow
  consign security log tail -n 500 --json | jq -r 'select(.type | endswith(\"denied\")) | .data.right'

With --json, a CloudEvent a line, with its offset in the log.";

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Show the last security events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// How many
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    lines: u64,
    /// Go on with those that come, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let most = ("limit", "1000".to_owned());
    let last = ("last", arguments.lines.to_string());
    let mut page = fetch_page(&client, &[last, most.clone()]).await?;
    loop {
        print_events(invocation.output, &page.events)?;
        if page.next >= page.end {
            if !arguments.follow {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let from = ("from", page.next.to_string());
        page = fetch_page(&client, &[from, most.clone()]).await?;
    }
}
