//! `consign publish`: tells a message to whoever is subscribed to it. Stores nothing.

use super::Invocation;
use crate::{client::Client, failure::Failure};
use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

const EXAMPLES: &str = "\
Examples:
  consign publish --index geo --collection buses '{\"line\": 7, \"location\": {\"lat\": 48.85, \"lon\": 2.35}}'
  consign publish --index geo --collection buses --id bus-7 '{\"line\": 7}'
  tail -f positions.jsonl | consign publish --index geo --collection buses -

Index and collection need not exist. Exit 0 when the log has every message.";

/// Publish a message to the subscribers of a collection
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A JSON object, or `-` for standard input with one a line
    body: String,
    #[arg(long, short, value_name = "NAME")]
    index: String,
    #[arg(long, short, value_name = "NAME")]
    collection: String,
    /// Id that the message refers to
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Volatile data, passed on with the message
    #[arg(long, value_name = "JSON")]
    volatile: Option<String>,
    #[command(flatten)]
    client: crate::client::Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let volatile = arguments
        .volatile
        .as_deref()
        .map(|text| parse_object("--volatile", text))
        .transpose()?;
    let publish = async |body: Value| {
        let mut message =
            json!({ "index": arguments.index, "collection": arguments.collection, "body": body });
        message["_id"] = json!(arguments.id);
        message["volatile"] = json!(volatile);
        client.ask("realtime", "publish", message).await
    };
    let mut published: u64 = 0;
    if arguments.body == "-" {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        let mut number: u64 = 0;
        while let Some(line) = lines.next_line().await? {
            number += 1;
            if !line.trim().is_empty() {
                publish(parse_object(&format!("line {number}"), &line)?).await?;
                published += 1;
            }
        }
    } else {
        publish(parse_object("the message", &arguments.body)?).await?;
        published = 1;
    }
    invocation
        .output
        .result(&json!({ "published": published }), |_| match published {
            1 => "published".to_owned(),
            many => format!("{many} messages published"),
        })
}

fn parse_object(what: &str, text: &str) -> Result<Value, Failure> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Failure::usage(format!("{what} is JSON, but no object"))
            .hint("for example '{\"text\": \"hello\"}'")),
        Err(error) => Err(Failure::usage(format!("{what} is no JSON: {error}"))
            .hint("for example '{\"text\": \"hello\"}'")),
    }
}
