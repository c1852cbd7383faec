//! `consign session list`: the sessions of whoever asks, on every machine.

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
    output::format_table,
};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign session list
  consign session list --json | jq -r '.sessions[] | select(.current | not) | .id'

`consign session end ID` ends one. API keys are no sessions: `consign key list`.";

/// List the sessions of this user that go on, wherever they began
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let mut sessions = Vec::new();
    let mut behind: Option<String> = None;
    loop {
        let mut asked = client.at(Method::GET, "/v1/security/sessions");
        if let Some(behind) = &behind {
            asked = asked.query(&[("behind", behind)]);
        }
        let page = client.send(asked.timeout(Duration::from_secs(15))).await?;
        let mut page = page.succeeded()?;
        if let Value::Array(found) = page["sessions"].take() {
            sessions.extend(found);
        }
        match page["next"].as_str() {
            Some(next) => behind = Some(next.to_owned()),
            None => break,
        }
    }
    sessions.sort_by(|a, b| b["began"].as_str().cmp(&a["began"].as_str()));
    invocation
        .output
        .result(&json!({"sessions": sessions}), text)
}

fn text(told: &Value) -> String {
    let sessions = told["sessions"].as_array().into_iter().flatten();
    let row = |session: &Value| {
        let of = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
        let is_this = session["current"] == true;
        let mark = if is_this { "this one" } else { "" };
        vec![
            of("id"),
            of("began"),
            of("until"),
            of("address"),
            mark.to_owned(),
        ]
    };
    let rows: Vec<_> = sessions.map(row).collect();
    if rows.is_empty() {
        return "there are no sessions".to_owned();
    }
    format_table(&["session", "began", "until", "from", ""], &rows)
}
