//! `consign-bench accept`: single writes of 1 KiB over many connections.

use crate::{
    compared::{Compared, Round},
    environment::BenchEnvironment,
    http_wire::HttpLoad,
    workload::{self, OPERATION},
};
use clap::Args;
use consign::commands::Invocation;
use consign::failure::Failure;
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

const EXAMPLES: &str = "\
Examples:
  consign-bench accept
  consign-bench accept --with-worker --seconds 10 --json
  consign-bench accept --config gateway.toml            on servers";

/// Single writes of 1 KiB, accepted a second, beside a handler that only parses them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// With a worker that applies at the same time, on the same processors
    #[arg(long)]
    with_worker: bool,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut environment = BenchEnvironment::make(invocation, &[]).await?;
    let client = if arguments.with_worker {
        environment.whole().await?
    } else {
        environment.gateway().await?
    };
    workload::create_collection(&client).await?;
    let floor = environment.floor().await?;
    let (path, duration) = (
        format!("/v1/operations/{OPERATION}"),
        Duration::from_secs(arguments.seconds),
    );
    let first = Arc::new(AtomicU64::new(0));
    let load = |url| HttpLoad {
        url,
        path: &path,
        headers: "",
        connections: arguments.connections,
        expected: 202,
    };
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds.max(1) {
        let floor = load(&floor).rate(&first, duration).await?;
        let measured = load(client.url()).rate(&first, duration).await?;
        rounds.push(Round::new(floor, measured));
    }
    let on = environment.on();
    environment.end().await?;
    let aim = (on == "files" && !arguments.with_worker).then_some(0.5);
    let bench = if arguments.with_worker {
        "accept, while applying"
    } else {
        "accept"
    };
    Compared::new(
        bench,
        on,
        "a handler that parses the same JSON, appends to nothing and answers 202",
        aim,
        rounds,
    )
    .print(invocation)
}
