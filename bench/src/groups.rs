//! `consign-bench groups`: how fast a worker catches up with operations that are groups: a row and a
//! document, a unique value, and a part that changes another key's row and document. Against writing
//! the very same rows and documents to the stores and nothing else: nothing is taken, decided,
//! published or remembered.

use crate::{
    apply::{bare_writes, catch_up, decisions},
    compared::{Compared, Round},
    environment::BenchEnvironment,
    workload,
};
use clap::Args;
use consign::{commands::Invocation, failure::Failure, stack::Stack};
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  consign-bench groups
  consign-bench groups --config write-worker.toml --groups 5000      on servers

On servers it leaves topics, a keyspace and indices behind that begin with b and a number (bench_b… for the keyspace).";

/// Who joins whom: as many members as there are groups, in a hundredth as many teams.
const DEFINITIONS: &str = include_str!("groups.yaml");
const OPERATION: &str = "bench.member.join";

/// Groups with parts and unique values, applied a second, beside bare writes of the same rows and documents
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Groups in each round
    #[arg(long, default_value_t = 10_000)]
    groups: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Groups in one batch of the floor
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("groups.yaml"), DEFINITIONS)?;
    let folders = format!("catalog.folders=[{:?}]", folder.path());
    let more = [folders.as_str()];
    let (mut rounds, mut on) = (Vec::new(), "files");
    for _ in 0..arguments.rounds.max(1) {
        let groups = arguments.groups;
        let (measured, decisions, collections) = {
            let mut environment = BenchEnvironment::make(invocation, &more).await?;
            on = environment.on();
            let client = environment.gateway().await?;
            let line = |n: u64| {
                let (id, team) = (format!("m{n}"), format!("t{}", n % (groups / 100).max(1)));
                let line = json!({"id": id, "name": format!("Member {n}"), "team": team});
                line.to_string() + "\n"
            };
            let lines: String = (0..groups).map(line).collect();
            workload::send_bulk_of(&client, OPERATION, lines.into(), groups).await?;
            environment.end().await?;
            let stack = Stack::open(&environment.settings).await?;
            let seconds = catch_up(&environment, &stack).await?;
            let decisions = decisions(&stack).await?;
            let collections = stack.record.collections().await?;
            stack.close().await;
            (groups as f64 / seconds, decisions, collections)
        };
        // Each, and its part.
        let decided = decisions.iter().map(Vec::len).sum::<usize>() as u64;
        if decided != groups * 2 {
            return Err(Failure::failed(format!(
                "{decided} decisions, not {groups} and as many parts"
            )));
        }
        let environment = BenchEnvironment::make(invocation, &more).await?;
        environment.prepare().await?;
        let stack = Stack::open(&environment.settings).await?;
        for collection in collections {
            stack.record.create_collection(&collection).await?;
            if let Some(view) = stack.view() {
                view.create_collection(&collection).await?;
            }
        }
        let seconds = bare_writes(&stack, decisions, arguments.batch.max(1)).await?;
        stack.close().await;
        rounds.push(Round::new(groups as f64 / seconds, measured));
    }
    Compared::new(
        "groups",
        on,
        "the same rows and documents written to the stores, nothing else",
        Some(0.5),
        rounds,
    )
    .print(invocation)
}
