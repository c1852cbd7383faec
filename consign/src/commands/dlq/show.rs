//! `consign dlq show`: one dead letter, with the event as it stood in the log.

use super::{
    Invocation,
    letters::{self, Body, Content, Letter},
};
use crate::failure::Failure;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign dlq show 12                 by its offset, as `consign dlq list` shows it
  consign dlq show r1AQABAAEHs…       by its request
  consign dlq show 12 --json | jq .original.value";

/// Show a dead letter: why, and the event as it stood in the log
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Offset or request id
    #[arg(value_name = "OFFSET|ID")]
    which: String,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let offset = arguments.which.parse::<u64>().ok();
    let letters = letters::read(&settings, offset.unwrap_or(0)).await?;
    let is_it = |letter: &Letter| match (&offset, &letter.content) {
        (Some(offset), _) => letter.offset == *offset,
        (None, Content::Letter(content)) => content.request == arguments.which,
        (None, Content::Unreadable { .. }) => false,
    };
    match letters.into_iter().find(is_it) {
        Some(letter) => invocation.output.result(&letter, text),
        None => Err(
            Failure::failed(format!("there is no dead letter `{}`", arguments.which))
                .hint("consign dlq list"),
        ),
    }
}

fn text(letter: &Letter) -> String {
    let mut text = format!("offset     {}\ntime       {}\n", letter.offset, letter.time);
    let content = match &letter.content {
        Content::Letter(content) => content,
        Content::Unreadable { unreadable } => return text + &format!("unreadable {unreadable}\n"),
    };
    let mut line = |name: &str, value: &str| text += &format!("{name:<10} {value}\n");
    line(
        "operation",
        content.operation.as_deref().unwrap_or("not known"),
    );
    line("request", &content.request);
    line(
        "position",
        &format!(
            "partition {}, offset {}",
            content.partition, content.position
        ),
    );
    line("code", &content.code);
    if let Some(store) = &content.store {
        line("store", store);
    }
    line("message", &content.message);
    line("key", content.original.key.as_deref().unwrap_or("none"));
    for (name, value) in &content.original.headers {
        line("header", &format!("{name}: {value}"));
    }
    let value = match &content.original.value {
        Body::Json(json) => serde_json::from_str::<serde_json::Value>(json.get())
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| json.get().to_owned()),
        Body::Text(text) => text.clone(),
        Body::Bytes { base64 } => format!("(base64) {base64}"),
        Body::None(_) => "none".to_owned(),
    };
    text + &format!("\n{value}\n")
}
