//! `consign dlq list`: a line per dead letter.

use super::{
    Invocation,
    letters::{self, Content, Letter},
};
use crate::{failure::Failure, output::table};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign dlq list
  consign dlq list --operation user.create --limit 200 --config gateway.toml
  consign dlq list --json | jq -r '.[].request'";

/// List the dead letters, the newest last
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only those of this operation
    #[arg(long, short, value_name = "NAME")]
    operation: Option<String>,
    /// Only those with this reason's code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// The newest so many
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let mut letters = letters::read(&settings, 0).await?;
    letters.retain(|letter| arguments.takes(letter));
    letters.drain(..letters.len().saturating_sub(arguments.limit));
    invocation
        .output
        .result(&letters, |letters| match letters.is_empty() {
            true => "no dead letters".to_owned(),
            false => table(
                &["offset", "time", "operation", "code", "store", "message"],
                &letters.iter().map(row).collect::<Vec<_>>(),
            ),
        })
}

impl Arguments {
    fn takes(&self, letter: &Letter) -> bool {
        match &letter.content {
            Content::Letter(content) => {
                self.operation
                    .as_ref()
                    .is_none_or(|operation| content.operation.as_ref() == Some(operation))
                    && self.code.as_ref().is_none_or(|code| content.code == *code)
            }
            Content::Unreadable { .. } => self.operation.is_none() && self.code.is_none(),
        }
    }
}

fn row(letter: &Letter) -> Vec<String> {
    let [operation, code, store, message] = match &letter.content {
        Content::Letter(content) => [
            content.operation.clone().unwrap_or_default(),
            content.code.clone(),
            content.store.clone().unwrap_or_default(),
            content.message.clone(),
        ],
        Content::Unreadable { unreadable } => [
            String::new(),
            "unreadable".to_owned(),
            String::new(),
            unreadable.clone(),
        ],
    };
    let short = if message.chars().count() > 80 {
        message.chars().take(79).chain(['…']).collect()
    } else {
        message
    };
    vec![
        letter.offset.to_string(),
        letter.time.clone(),
        operation,
        code,
        store,
        short,
    ]
}
