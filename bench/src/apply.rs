//! `consign-bench apply`: how fast a worker catches up with a full log, against writing the very
//! same documents and verdicts to the stores and nothing else: no log read, nothing decided, no
//! order kept between partitions.

use crate::{
    compared::{Compared, Round},
    environment::BenchEnvironment,
    workload,
};
use clap::Args;
use consign::commands::Invocation;
use consign::{
    failure::Failure,
    services,
    stack::{self, Stack},
};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Decision},
    offset::ChangesOffset,
    outcome::{LedgerEntry, Times},
    position::Version,
    topics::{CHANGES, TRANSACTIONS},
};
use runtime::{Health, Shutdown};
use std::time::{Duration, Instant};
use store::{
    DocumentWrite, ItemVerdict,
    document::Write,
    fold::{Folded, StoredEffects, fold_effects},
};

const EXAMPLES: &str = "\
Examples:
  consign-bench apply
  consign-bench apply --config write-worker.toml --documents 50000      on servers

On servers it leaves topics, a keyspace and indices behind that begin with b and a number (bench_b… for the keyspace).";

/// Documents of 1 KiB, applied a second, beside bare writes of the same to the stores
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Documents in each round
    #[arg(long, default_value_t = 50_000)]
    documents: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Documents in one batch of the floor
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let (mut rounds, mut on) = (Vec::new(), "files");
    for _ in 0..arguments.rounds.max(1) {
        let (measured, decisions, collection) = {
            let mut environment = BenchEnvironment::make(invocation, &[]).await?;
            on = environment.on();
            let client = environment.gateway().await?;
            workload::create_collection(&client).await?;
            workload::send_bulk(
                &client,
                workload::bulk(0..arguments.documents),
                arguments.documents,
            )
            .await?;
            environment.end().await?;
            let stack = Stack::open(&environment.settings).await?;
            let seconds = catch_up(&environment, &stack).await?;
            let decisions = decisions(&stack).await?;
            let collection = stack
                .record
                .collection(workload::INDEX, workload::COLLECTION)
                .await?;
            stack.close().await;
            (arguments.documents as f64 / seconds, decisions, collection)
        };
        let collection = collection.ok_or_else(|| Failure::failed("the collection is gone"))?;
        if decisions.iter().map(Vec::len).sum::<usize>() as u64 != arguments.documents {
            return Err(Failure::failed("not every document was decided"));
        }
        let environment = BenchEnvironment::make(invocation, &[]).await?;
        environment.prepare().await?;
        let stack = Stack::open(&environment.settings).await?;
        stack.record.create_collection(&collection).await?;
        if let Some(view) = stack.view() {
            view.create_collection(&collection).await?;
        }
        let seconds = bare(&stack, decisions, arguments.batch.max(1)).await?;
        stack.close().await;
        rounds.push(Round::new(arguments.documents as f64 / seconds, measured));
    }
    let aim = if on == "files" { 0.5 } else { 0.6 };
    Compared::new(
        "apply",
        on,
        "the same documents and verdicts written to the stores, nothing else",
        Some(aim),
        rounds,
    )
    .print(invocation)
}

/// Seconds from a worker's start until everything in the log is resolved, and every part of it.
pub async fn catch_up(environment: &BenchEnvironment, stack: &Stack) -> Result<f64, Failure> {
    let (trigger, shutdown) = Shutdown::manual();
    let keys = stack::load_keyring(&environment.settings)?;
    let ports = write_worker::Ports {
        feedback: write_worker::LocalFeedback::default(),
        sealing: stack::subject_keys(&environment.settings, &stack.record, &keys)?,
        log: stack.log.clone(),
        catalog: stack::load_catalog(&environment.settings)?,
        record: stack.record.clone(),
        view: stack.view.clone(),
        keys,
        layout: stack.layout.clone(),
        clock: services::system_clock(),
        health: Health::default(),
        registry: prometheus::Registry::new(),
        finished: write_worker::Finished::default(),
        owner: standalone::prepare::owner_name(),
    };
    let topic = stack.layout.name(&TRANSACTIONS);
    let mut ends = ends_of(stack, &topic).await?;
    let began = Instant::now();
    let mut worker = runtime::spawn(
        "write-worker",
        write_worker::run(environment.settings.worker.clone(), ports, shutdown),
    );
    loop {
        for (partition, end) in (0_u16..).zip(&ends) {
            while *end > 0
                && stack
                    .record
                    .mark(stack.layout.generation, partition)
                    .await?
                    .is_none_or(|mark| mark.next.get() < *end)
            {
                if worker.is_finished() {
                    return Err(Failure::failed(format!(
                        "the worker ended: {:?}",
                        (&mut worker).await
                    )));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        // Parts were published before what they are parts of was marked.
        let now = ends_of(stack, &topic).await?;
        if now == ends {
            break;
        }
        ends = now;
    }
    let seconds = began.elapsed().as_secs_f64();
    trigger.soft();
    worker
        .await
        .map_err(|error| Failure::failed(error.to_string()))?
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(seconds)
}

async fn ends_of(stack: &Stack, topic: &str) -> Result<Vec<u64>, Failure> {
    let mut ends = Vec::new();
    for partition in 0..stack.layout.partitions {
        ends.push(stack.log.admin.offsets(topic, partition).await?.end);
    }
    Ok(ends)
}

/// What was decided, by partition, each with the version it got.
pub async fn decisions(stack: &Stack) -> Result<Vec<Vec<(Version, Decision)>>, Failure> {
    let topic = stack.layout.name(&CHANGES);
    let mut all = Vec::new();
    for partition in 0..stack.layout.partitions {
        let mut scan = stack.log.scan_kept(&topic, partition, 0).await?;
        let mut found = Vec::new();
        while let Some(records) = scan.next().await? {
            for record in records {
                let parts = Parts {
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                };
                if let Ok(Change::Decision(decision)) = codec::decode_change(&parts) {
                    found.push((
                        Version::new(stack.layout.generation, ChangesOffset::new(record.offset)),
                        decision,
                    ));
                }
            }
        }
        all.push(found);
    }
    Ok(all)
}

/// Seconds to write them all: partitions side by side, batches one after the other, record and view
/// together, then the ledger.
async fn bare(
    stack: &Stack,
    decisions: Vec<Vec<(Version, Decision)>>,
    batch: usize,
) -> Result<f64, Failure> {
    write_all(stack, decisions, batch, true).await
}

/// Likewise rows and documents alone: no verdict is remembered.
pub async fn bare_writes(
    stack: &Stack,
    decisions: Vec<Vec<(Version, Decision)>>,
    batch: usize,
) -> Result<f64, Failure> {
    write_all(stack, decisions, batch, false).await
}

async fn write_all(
    stack: &Stack,
    decisions: Vec<Vec<(Version, Decision)>>,
    batch: usize,
    with_verdicts: bool,
) -> Result<f64, Failure> {
    let batches: Vec<Vec<_>> = decisions
        .iter()
        .map(|decisions| decisions.chunks(batch).map(prepared).collect())
        .collect();
    let began = Instant::now();
    let mut partitions = tokio::task::JoinSet::new();
    for batches in batches {
        let (record, view) = (stack.record.clone(), stack.view.clone());
        partitions.spawn(async move {
            for (documents, writes, entries) in batches {
                let indexed = async {
                    match &view {
                        Some(view) => view.apply(&documents).await,
                        None => Vec::new(),
                    }
                };
                let (stored, indexed) = tokio::join!(record.apply(&writes), indexed);
                let remembered = if with_verdicts {
                    record.remember(&entries).await
                } else {
                    Vec::new()
                };
                if let Some(verdict) = stored
                    .iter()
                    .chain(&indexed)
                    .chain(&remembered)
                    .find(|verdict| **verdict != ItemVerdict::Done)
                {
                    return Err(Failure::failed(format!(
                        "the floor was not written whole: {verdict:?}"
                    )));
                }
            }
            Ok(())
        });
    }
    while let Some(ended) = partitions.join_next().await {
        ended.map_err(|error| Failure::failed(error.to_string()))??;
    }
    Ok(began.elapsed().as_secs_f64())
}

fn prepared(
    decisions: &[(Version, Decision)],
) -> (Vec<DocumentWrite>, Vec<Write>, Vec<LedgerEntry>) {
    let entry = |(version, decision): &(Version, Decision)| LedgerEntry {
        request: decision.request,
        key: decision.key.clone(),
        operation: decision.operation.clone(),
        principal: decision.principal.clone(),
        position: decision.position,
        version: *version,
        verdict: decision.verdict.clone(),
        result: decision.result.clone(),
        parts: Vec::new(),
        times: Times {
            accepted: decision.accepted,
            decided: decision.decided,
            applied: decision.decided,
        },
    };
    let effects = decisions.iter().map(|(version, decision)| StoredEffects {
        version: *version,
        position: decision.position,
        request: decision.request,
        documents: &decision.documents,
        rows: &decision.rows,
    });
    let Folded { documents, rows } = fold_effects(effects);
    let writes = documents.iter().cloned().map(Write::Document);
    let writes = writes.chain(rows.into_iter().map(Write::Row)).collect();
    (documents, writes, decisions.iter().map(entry).collect())
}
