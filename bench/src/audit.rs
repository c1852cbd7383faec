//! `consign-bench audit`: how fast an audit gets through `changes`, comparing all that they say with the stores,
//! beside a consumer that reads the same records and does nothing with them.

use crate::{
    compared::{Compared, Round},
    environment::BenchEnvironment,
    workload,
};
use audit::{AuditOptions, AuditReport};
use clap::Args;
use consign::{commands::Invocation, failure::Failure, stack::Stack};
use event_schema::topics::CHANGES;
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  consign-bench audit
  consign-bench audit --config write-worker.toml --documents 50000      on servers

On servers it leaves topics, a keyspace and indices behind that begin with b and a number (bench_b… for the keyspace).";

/// Records of the log that an audit judges a second, beside a consumer that only reads them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Documents that are written, 1 KiB each
    #[arg(long, default_value_t = 50_000)]
    documents: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut environment = BenchEnvironment::make(invocation, &[]).await?;
    let client = environment.whole().await?;
    workload::create_collection(&client).await?;
    let documents = arguments.documents.max(1);
    let body = workload::bulk(0..documents);
    let token = workload::send_bulk(&client, body, documents).await?;
    workload::until_applied(&client, &token).await?;
    environment.end().await?;
    let stack = Stack::open(&environment.settings).await?;
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds.max(1) {
        let began = Instant::now();
        let records = read_changes(&stack).await?;
        let floor = records as f64 / began.elapsed().as_secs_f64();
        let began = Instant::now();
        let report = judge(&stack, &environment, documents).await?;
        let seconds = began.elapsed().as_secs_f64();
        let judged: u64 = report
            .partitions
            .iter()
            .map(|one| one.read_to - one.begins)
            .sum();
        rounds.push(Round::new(floor, judged as f64 / seconds));
    }
    stack.close().await;
    Compared::new(
        "audit",
        environment.on(),
        "a consumer that reads the same records of `changes` and does nothing with them",
        Some(0.5),
        rounds,
    )
    .print(invocation)
}

/// All records of `changes`.
async fn read_changes(stack: &Stack) -> Result<u64, Failure> {
    let (topic, mut records) = (stack.layout.name(&CHANGES), 0);
    for partition in 0..stack.layout.partitions {
        let mut scan = stack.log.scan_kept(&topic, partition, 0).await?;
        while let Some(read) = scan.next().await? {
            records += read.len() as u64;
        }
    }
    Ok(records)
}

/// An audit that looked at everything and found nothing.
async fn judge(
    stack: &Stack,
    environment: &BenchEnvironment,
    documents: u64,
) -> Result<AuditReport, Failure> {
    let ports = stack.audit_ports(&environment.settings)?;
    let report = audit::run_audit(&ports, AuditOptions::default(), &|_, _| {}).await;
    let report = report.map_err(|error| Failure::failed(error.to_string()))?;
    if !report.is_clean() || report.counts.documents < documents {
        return Err(Failure::failed(format!(
            "not all is sound: {:?}",
            report.counts
        )));
    }
    Ok(report)
}
