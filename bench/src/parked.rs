//! `consign-bench parked`: how fast a worker catches up with a full log while thousands of keys are
//! locked by a dead letter with a parked write behind it, beside the same without any.

use crate::{
    apply::catch_up,
    compared::{Compared, Round},
    dead_letters::{self, DefinitionsFolder, LetterBody},
    environment::BenchEnvironment,
    workload,
};
use clap::Args;
use consign::{commands::Invocation, failure::Failure, stack::Stack};

const EXAMPLES: &str = "\
Examples:
  consign-bench parked
  consign-bench parked --keys 1000 --config write-worker.toml      on servers

On servers it leaves topics, a keyspace and indices behind that begin with b and a number (bench_b… for the keyspace).";

/// Documents of 1 KiB, applied a second, with and without locked keys
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Keys with a dead letter and a parked write
    #[arg(long, default_value_t = 10_000)]
    keys: u64,
    /// Documents in each round
    #[arg(long, default_value_t = 50_000)]
    documents: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let (mut rounds, mut on) = (Vec::new(), "files");
    for _ in 0..arguments.rounds.max(1) {
        let mut rates = [0.0; 2];
        for (rate, first) in rates
            .iter_mut()
            .zip([LetterBody::Whole, LetterBody::Missing])
        {
            (*rate, on) = measure(&arguments, first, invocation).await?;
        }
        rounds.push(Round::new(rates[0], rates[1]));
    }
    Compared::new(
        "parked",
        on,
        "the same without a locked key",
        Some(0.9),
        rounds,
    )
    .print(invocation)
}

/// Documents a second, after each key had two writes, the first of which was such a one.
async fn measure(
    arguments: &Arguments,
    first: LetterBody,
    invocation: Invocation<'_>,
) -> Result<(f64, &'static str), Failure> {
    let definitions = DefinitionsFolder::make()?;
    let settings = definitions.settings();
    let settings = [settings[0].as_str(), settings[1].as_str()];
    let mut environment = BenchEnvironment::make(invocation, &settings).await?;
    let client = environment.gateway().await?;
    for body in [first, LetterBody::Whole] {
        dead_letters::send(&client, 0..arguments.keys, body).await?;
    }
    environment.end().await?;
    apply_all(&environment).await?;
    let client = environment.gateway().await?;
    let (dead, parked) = match first {
        LetterBody::Whole => (0, None),
        LetterBody::Missing => (arguments.keys, Some(1)),
    };
    dead_letters::expect_dead(&client, dead, parked).await?;
    workload::create_collection(&client).await?;
    let documents = workload::bulk(0..arguments.documents);
    workload::send_bulk(&client, documents, arguments.documents).await?;
    environment.end().await?;
    let seconds = apply_all(&environment).await?;
    Ok((arguments.documents as f64 / seconds, environment.on()))
}

/// Seconds of a worker.
async fn apply_all(environment: &BenchEnvironment) -> Result<f64, Failure> {
    let stack = Stack::open(&environment.settings).await?;
    let seconds = catch_up(environment, &stack).await?;
    stack.close().await;
    Ok(seconds)
}
