//! `consign topics check`: looks, changes nothing.

use super::{Invocation, TopicsReport};
use crate::{
    failure::Failure,
    stack::{Stack, retry_with_patience},
};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign topics check --config gateway.toml
  consign topics check --json | jq .problems";

/// Compare the existing topics with the table; exit 1 if one is missing or differs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    patience: crate::commands::Patience,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let stack = Stack::open(&invocation.settings(&[])?.settings).await?;
    let topics = stack.topics();
    let problems = retry_with_patience(arguments.patience.limit(), async || {
        Ok(stack.log.admin.check(&topics).await?)
    })
    .await?;
    let found = TopicsReport::of(&stack, &topics, problems).await?;
    stack.close().await;
    found.tell(
        invocation,
        "what is missing: consign topics create; what differs is not overwritten",
    )
}
