//! `consign topics`: the table of topics against what stands on the log.

pub mod check;
pub mod create;

use super::Invocation;
use crate::{failure::Failure, output, stack::Stack};
use clap::Subcommand;
use event_log::{Durability, TopicProblem, TopicSpec, Weakness};
use serde::Serialize;

/// Create the topics, or check them
#[derive(Debug, Subcommand)]
pub enum Command {
    Check(check::Arguments),
    Create(create::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments, invocation).await,
        Command::Create(arguments) => create::run(arguments, invocation).await,
    }
}

/// What was found.
#[derive(Debug, Serialize)]
struct TopicsReport {
    topics: Vec<TopicShown>,
    problems: Vec<TopicProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durability: Option<Durability>,
    weak: Vec<Weakness>,
}

#[derive(Debug, Serialize)]
struct TopicShown {
    name: String,
    partitions: u16,
    record_limit_bytes: usize,
}

impl TopicsReport {
    async fn of(
        stack: &Stack,
        topics: &[TopicSpec],
        problems: Vec<TopicProblem>,
    ) -> Result<Self, Failure> {
        let (durability, weak) = if problems.is_empty() {
            stack
                .log
                .admin
                .durability(topics)
                .await
                .map(|(durability, weak)| (Some(durability), weak))?
        } else {
            (None, Vec::new())
        };
        let shown = |topic: &TopicSpec| TopicShown {
            name: topic.name.clone(),
            partitions: topic.partitions,
            record_limit_bytes: topic.record_limit,
        };
        Ok(Self {
            topics: topics.iter().map(shown).collect(),
            problems,
            durability,
            weak,
        })
    }

    /// Prints it; a failure if anything differs.
    fn tell(self, invocation: Invocation<'_>, hint: &str) -> Result<(), Failure> {
        invocation.output.result(&self, Self::text)?;
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(Failure::failed("topics are missing or differ").hint(hint))
        }
    }

    fn text(&self) -> String {
        let row = |topic: &TopicShown| {
            let differs = self.problems.iter().find(|problem| match problem {
                TopicProblem::Missing { topic: name }
                | TopicProblem::Setting { topic: name, .. } => *name == topic.name,
            });
            let state = differs.map_or_else(|| "as it must be".to_owned(), ToString::to_string);
            vec![
                topic.name.clone(),
                topic.partitions.to_string(),
                topic.record_limit_bytes.to_string(),
                state,
            ]
        };
        let mut text = output::format_table(
            &["topic", "partitions", "largest record", "state"],
            &self.topics.iter().map(row).collect::<Vec<_>>(),
        );
        for weak in &self.weak {
            text += &format!(
                "weak: {} is {}, better {}: {}\n",
                weak.setting, weak.found, weak.wanted, weak.consequence
            );
        }
        text
    }
}
