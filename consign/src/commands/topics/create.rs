//! `consign topics create`: makes what is missing, changes nothing that is there.

use super::{Invocation, TopicsReport};
use crate::{
    failure::Failure,
    stack::{Stack, retry_with_patience},
};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign topics create --config gateway.toml
  consign topics create --set topics.partitions=24 --set kafka.brokers=kafka-1:9092,kafka-2:9092

Can be repeated. The number of partitions of a generation never changes afterwards.";

/// Create the topics that are missing; exit 1 if an existing one differs
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
        Ok(stack.log.admin.create(&topics).await?)
    })
    .await?;
    let found = TopicsReport::of(&stack, &topics, problems).await?;
    stack.close().await;
    found.tell(invocation, "topics that differ are not overwritten: change them by hand, or take another topics.prefix or generation")
}
