//! `consign subscribe`: prints what a subscription is told, as it comes. Comes back after a lost
//! connection with the cursor of what it printed last, so that what happened in between is told,
//! too.

mod line;

use super::{Invocation, filter};
use crate::{
    client::{
        Client,
        socket::{Granted, Socket},
    },
    failure::{Failure, Kind},
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::{io, time::Duration};

const EXAMPLES: &str = "\
Examples:
  consign subscribe --index world --collection cities                            every change
  consign subscribe '{\"equals\": {\"country\": \"FR\"}}' --index world --collection cities
  consign subscribe @near-paris.json --index geo --collection buses --scope in --users all
  consign subscribe --index geo --collection buses --state all --json | jq .result._source
  consign subscribe --index geo --collection buses --since c1.AbC…               what happened since then first

A filter is described in docs/filters.md; `consign filter check` tries one. Each line is one notification; with --json as the gateway sent it.
A document matched before and after a change is in, one that no longer does is out. Ctrl-C ends it,
and says with which cursor to go on where it ended: nothing is missed in between, a little may come twice.";

/// Subscribe to a collection: print each change and message that matches a filter as it arrives
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The filter as JSON, `@FILE`, or `-` for standard input
    #[arg(default_value = "{}")]
    filter: String,
    #[arg(long, short, value_name = "NAME")]
    index: String,
    #[arg(long, short, value_name = "NAME")]
    collection: String,
    /// Documents that match after the change (in), that no longer match (out), both, or none
    #[arg(long, value_enum, default_value_t = Either::All)]
    scope: Either,
    /// Notifications of other users who join or leave the room
    #[arg(long, value_enum, default_value_t = Either::None)]
    users: Either,
    /// Notify when a change is decided (pending), when every store has it (done), or both
    #[arg(long, value_enum, default_value_t = State::Done)]
    state: State,
    /// Resume from the `cursor` of a notification: everything after it is sent first
    #[arg(long, value_name = "CURSOR")]
    since: Option<String>,
    /// Exit after this many notifications
    #[arg(long, short = 'n', value_name = "COUNT")]
    count: Option<u64>,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Either {
    All,
    In,
    Out,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    All,
    Pending,
    Done,
}

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let filter = filter::read_filter(&arguments.filter, io::stdin())
        .map_err(|error| Failure::usage(format!("{error:#}")))?;
    let client = Client::new(&arguments.client)?;
    let subscription = SubscribeRequest {
        client: &client,
        request: subscribe_request(&arguments, &filter),
        invocation,
    };
    // Not being there at all is a mistake in the address; going away later is not.
    let (mut socket, mut granted) = subscription.open(arguments.since.as_deref()).await?;
    let (mut left, mut cursor) = (arguments.count, granted.cursor.clone());
    loop {
        let heard = tokio::select! {
            heard = subscription.print(&mut socket, &granted, &mut left, &mut cursor) => heard,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        let Err(lost) = heard else {
            socket.close().await;
            break;
        };
        invocation.output.state(&format!("{lost}; coming back"));
        (socket, granted) = tokio::select! {
            again = subscription.again(&mut cursor) => again?,
            _ = tokio::signal::ctrl_c() => break,
        };
    }
    if let Some(cursor) = cursor {
        invocation
            .output
            .state(&format!("go on from here with --since {cursor}"));
    }
    Ok(())
}

fn subscribe_request(arguments: &Arguments, filter: &Value) -> Value {
    json!({
        "index": arguments.index,
        "collection": arguments.collection,
        "body": filter,
        "scope": value_name(arguments.scope),
        "users": value_name(arguments.users),
        "state": value_name(arguments.state),
    })
}

fn value_name(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

struct SubscribeRequest<'a> {
    client: &'a Client,
    request: Value,
    invocation: Invocation<'a>,
}

impl SubscribeRequest<'_> {
    async fn open(&self, since: Option<&str>) -> Result<(Socket, Granted), Failure> {
        let mut socket = Socket::connect(self.client).await?;
        let mut request = self.request.clone();
        if let Some(since) = since {
            request["since"] = since.into();
        }
        let granted = socket.subscribe(request).await?;
        self.invocation.output.state(&format!(
            "listening in room {}; Ctrl-C ends it",
            granted.room
        ));
        Ok((socket, granted))
    }

    /// Until the gateway is back; only a refusal ends it, unless it is the cursor that is refused.
    async fn again(&self, cursor: &mut Option<String>) -> Result<(Socket, Granted), Failure> {
        let mut pause = SHORTEST;
        loop {
            tokio::time::sleep(pause).await;
            match self.open(cursor.as_deref()).await {
                Err(failure) if failure.kind == Kind::Unreachable => {
                    pause = (pause * 2).min(LONGEST)
                }
                Err(failure) if cursor.take().is_some() => {
                    self.invocation
                        .output
                        .state(&format!("{failure}; what happened in between is not sent"));
                }
                opened => return opened,
            }
        }
    }

    /// Prints until the connection is lost (an error) or enough was told; keeps the cursor of what
    /// was printed last.
    async fn print(
        &self,
        socket: &mut Socket,
        granted: &Granted,
        left: &mut Option<u64>,
        cursor: &mut Option<String>,
    ) -> Result<(), Failure> {
        while *left != Some(0) {
            let text = socket.text().await?;
            let Ok(told) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            if told["room"] != granted.channel.as_str() {
                continue;
            }
            if self.invocation.output.json {
                self.invocation.output.line(&text)
            } else {
                self.invocation.output.line(&line::notification_line(&told))
            }
            if let Some(told) = told["cursor"].as_str() {
                *cursor = Some(told.to_owned());
            }
            *left = left.map(|left| left - 1);
        }
        Ok(())
    }
}
