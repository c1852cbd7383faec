//! `consign-bench bulk`: `_bulk` against appending the very same records to the log and nothing
//! else. On Kafka the floor is its client with acks=all, fed with records that are ready made; on
//! files it is the embedded log.

use crate::{
    compared::{Compared, Round},
    environment::BenchEnvironment,
    workload,
};
use clap::Args;
use consign::commands::Invocation;
use consign::{
    failure::Failure,
    stack::{Stack, retry_with_patience},
};
use event_log::{NewRecord, Refused, TopicSpec};
use event_schema::topics::TRANSACTIONS;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

const EXAMPLES: &str = "\
Examples:
  consign-bench bulk --config gateway.toml       on Kafka, as the file names it
  consign-bench bulk --documents 200000          on files";

/// Documents of 1 KiB through _bulk, accepted a second, beside bare appends of the same records
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Documents in each round
    #[arg(long, default_value_t = 100_000)]
    documents: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut environment = BenchEnvironment::make(invocation, &[]).await?;
    let on = environment.on();
    let mut measured = Vec::new();
    let client = environment.gateway().await?;
    workload::create_collection(&client).await?;
    let body = workload::bulk(0..arguments.documents);
    for _ in 0..arguments.rounds.max(1) {
        let began = Instant::now();
        workload::send_bulk(&client, body.clone(), arguments.documents).await?;
        measured.push(arguments.documents as f64 / began.elapsed().as_secs_f64());
    }
    drop(body);
    // The embedded log is one process's: the gateway must be gone.
    environment.end().await?;
    let stack = Stack::open(&environment.settings).await?;
    let records = records(&stack, arguments.documents as usize).await?;
    let mut rounds = Vec::new();
    for (number, measured) in measured.into_iter().enumerate() {
        rounds.push(Round::new(
            append(&stack, &records, number).await?,
            measured,
        ));
    }
    stack.close().await;
    Compared::new(
        "bulk",
        on,
        "the same records appended to the log, acknowledged, and nothing else",
        (on == "servers").then_some(0.8),
        rounds,
    )
    .print(invocation)
}

/// What the gateway appended, partition after partition taken in turn, as a producer would meet it.
async fn records(stack: &Stack, most: usize) -> Result<Vec<NewRecord>, Failure> {
    let topic = stack.layout.name(&TRANSACTIONS);
    let mut partitions = Vec::new();
    for partition in 0..stack.layout.partitions {
        let mut found = VecDeque::new();
        let kept = retry_with_patience(Duration::from_secs(20), async || {
            Ok(stack.log.scan_kept(&topic, partition, 0).await?)
        });
        let mut scan = kept.await?;
        while found.len() <= most
            && let Some(read) = scan.next().await?
        {
            found.extend(read);
        }
        partitions.push(found);
    }
    let (topic, mut records): (Arc<str>, _) = ("".into(), Vec::with_capacity(most));
    while records.len() < most && partitions.iter().any(|partition| !partition.is_empty()) {
        for record in partitions.iter_mut().filter_map(VecDeque::pop_front) {
            let event_log::Record {
                partition,
                key,
                value,
                headers,
                ..
            } = record;
            records.push(NewRecord {
                topic: topic.clone(),
                partition,
                key,
                value,
                headers,
            });
        }
    }
    records.truncate(most);
    Ok(records)
}

/// Records a second, from the first that is sent to the last that is acknowledged.
async fn append(stack: &Stack, records: &[NewRecord], round: usize) -> Result<f64, Failure> {
    let transactions = stack
        .topics()
        .into_iter()
        .find(|topic| topic.name == stack.layout.name(&TRANSACTIONS));
    let spec = TopicSpec {
        name: format!("{}floor.{round}", stack.layout.prefix),
        ..transactions.ok_or_else(|| Failure::failed("no such topic"))?
    };
    stack.log.admin.create(std::slice::from_ref(&spec)).await?;
    let topic: Arc<str> = spec.name.into();
    let prepared: Vec<NewRecord> = records
        .iter()
        .map(|record| NewRecord {
            topic: topic.clone(),
            ..record.clone()
        })
        .collect();
    // A first record makes the connection and finds the partitions' leaders.
    if let Some(record) = prepared.first() {
        retry_with_patience(Duration::from_secs(20), async || {
            let sent = stack
                .log
                .publisher
                .send(record.clone())
                .map_err(|error| Failure::unreachable(error.to_string()))?;
            sent.await
                .map_err(|error| Failure::failed(error.to_string()))
        })
        .await?;
    }
    let (count, began) = (prepared.len(), Instant::now());
    let mut deliveries = VecDeque::with_capacity(count);
    for mut record in prepared {
        loop {
            match stack.log.publisher.send(record) {
                Ok(delivery) => break deliveries.push_back(delivery),
                Err(error) if error.why == Refused::QueueFull => {
                    record = *error.record;
                    match deliveries.pop_front() {
                        Some(delivery) => drop(
                            delivery
                                .await
                                .map_err(|error| Failure::failed(error.to_string()))?,
                        ),
                        None => tokio::time::sleep(Duration::from_millis(1)).await,
                    }
                }
                Err(error) => return Err(Failure::failed(error.to_string())),
            }
        }
    }
    for delivery in deliveries {
        delivery
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
