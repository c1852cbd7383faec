//! How fast records of 1 KiB are appended, beside the bare thing in the same run: the embedded log
//! beside write + fdatasync, the Kafka publisher beside a bare producer of librdkafka with the same
//! settings. Only the ratios mean anything.
//!
//! `cargo run --release -p event-log --example append_rate [embedded|kafka]…`; Kafka at
//! `CONSIGN_TEST_KAFKA`, else 127.0.0.1:19092.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use bytes::Bytes;
use event_log::{
    CleanupPolicy, Log, NewRecord, TopicSpec,
    embedded::{self, Options},
    kafka::{self, KafkaSettings},
};
use rdkafka::{
    ClientConfig, ClientContext,
    config::FromClientConfigAndContext,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};
use std::{
    collections::BTreeMap,
    error::Error,
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

type Done = Result<(), Box<dyn Error>>;

const SIZE: usize = 1024;
const ROUND: Duration = Duration::from_secs(3);
const KAFKA_RECORDS: usize = 100_000;
const KAFKA_PARTITIONS: u16 = 4;

fn main() -> Done {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |what: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == what);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    if wanted("embedded") {
        runtime.block_on(embedded_rates())?;
    }
    if wanted("kafka") {
        runtime.block_on(kafka_rates())?;
    }
    Ok(())
}

async fn embedded_rates() -> Done {
    let folder = std::env::current_dir()?.join(format!("append-rate-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = embedded_rates_in(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    result
}

async fn embedded_rates_in(folder: &Path) -> Done {
    let (log, handle) = embedded::open_log(&folder.join("log"), Options::default())?;
    for (name, partitions) in [("one", 1), ("twelve", 12)] {
        create(&log, name, partitions).await?;
    }
    println!("embedded, records/s                  bare write+fdatasync      log   ratio");
    for round in 1..=3 {
        println!("round {round}");
        report(
            "one at a time",
            bare(folder, 1)?,
            in_flight(&log, "one", 1, 1).await?,
        );
        report(
            "64 in flight, 1 partition",
            bare(folder, 64)?,
            in_flight(&log, "one", 1, 64).await?,
        );
        report(
            "64 in flight, 12 partitions",
            bare(folder, 64)?,
            in_flight(&log, "twelve", 12, 64).await?,
        );
        report(
            "batches of 512, 1 partition",
            bare(folder, 512)?,
            batches(&log, "one", 512).await?,
        );
    }
    handle.shutdown().await;
    Ok(())
}

fn report(what: &str, bare: f64, ours: f64) {
    println!("{what:<34} {bare:>20.0} {ours:>10.0}    {:.2}", ours / bare);
}

async fn create(log: &Log, name: &str, partitions: u16) -> Done {
    let spec = TopicSpec {
        name: name.into(),
        partitions,
        cleanup: CleanupPolicy::Keep,
        record_limit: 1 << 20,
        durable: true,
    };
    let problems = log.admin.create(&[spec]).await?;
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("{problems:?}").into())
    }
}

fn record(topic: &str, partition: u16, value: &Bytes) -> NewRecord {
    NewRecord {
        topic: topic.into(),
        partition,
        key: None,
        value: Some(value.clone()),
        headers: Vec::new(),
    }
}

/// So many records in one write and one fdatasync, again and again.
fn bare(folder: &Path, batch: usize) -> Result<f64, Box<dyn Error>> {
    let path = folder.join("bare");
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&path)?;
    let bytes = vec![7; SIZE * batch];
    let (start, mut position, mut records) = (Instant::now(), 0, 0);
    while start.elapsed() < ROUND {
        file.write_all_at(&bytes, position)?;
        file.sync_data()?;
        position += bytes.len() as u64;
        records += batch;
    }
    let rate = rate(records, start);
    drop(file);
    std::fs::remove_file(path)?;
    Ok(rate)
}

fn rate(records: usize, start: Instant) -> f64 {
    f64::from(u32::try_from(records).unwrap_or(u32::MAX)) / start.elapsed().as_secs_f64()
}

/// So many tasks, each awaiting one record after the other.
async fn in_flight(
    log: &Log,
    topic: &'static str,
    partitions: u16,
    tasks: u16,
) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let log = log.clone();
        running.spawn(async move {
            let (mut count, value) = (0, Bytes::from(vec![7; SIZE]));
            while start.elapsed() < ROUND {
                match log.publisher.send(record(topic, task % partitions, &value)) {
                    Ok(delivery) => count += usize::from(delivery.await.is_ok()),
                    Err(_) => return 0,
                }
            }
            count
        });
    }
    let records = running.join_all().await.into_iter().sum();
    Ok(rate(records, start))
}

async fn batches(log: &Log, topic: &str, batch: usize) -> Result<f64, Box<dyn Error>> {
    let (start, mut records, value) = (Instant::now(), 0, Bytes::from(vec![7; SIZE]));
    while start.elapsed() < ROUND {
        let sent: Vec<_> = (0..batch)
            .map(|_| log.publisher.send(record(topic, 0, &value)))
            .collect::<Result<_, _>>()?;
        for delivery in sent {
            delivery.await?;
        }
        records += batch;
    }
    Ok(rate(records, start))
}

async fn kafka_rates() -> Done {
    let brokers = std::env::var("CONSIGN_TEST_KAFKA").unwrap_or_else(|_| "127.0.0.1:19092".into());
    let log = kafka::connect_log(KafkaSettings {
        brokers: brokers.clone(),
        properties: BTreeMap::new(),
    })?;
    let topic = format!("append-rate.{}", std::process::id());
    create(&log, &topic, KAFKA_PARTITIONS).await?;
    println!("Kafka, records/s                          bare producer  publisher   ratio");
    for round in 0..4 {
        let bare = bare_kafka(&brokers, &topic)?;
        let ours = publisher(&log, &topic).await?;
        report(
            if round == 0 {
                "warm-up"
            } else {
                "100,000 of 1 KiB"
            },
            bare,
            ours,
        );
    }
    Ok(())
}

#[derive(Default)]
struct Counter(AtomicU64);

impl ClientContext for Counter {}

impl ProducerContext for Counter {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0
            .fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
    }
}

fn bare_kafka(brokers: &str, topic: &str) -> Result<f64, Box<dyn Error>> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "1");
    let producer: BaseProducer<Counter> =
        BaseProducer::from_config_and_context(&config, Counter::default())?;
    let payload = vec![7; SIZE];
    let start = Instant::now();
    for number in 0..KAFKA_RECORDS {
        let partition = i32::try_from(number % usize::from(KAFKA_PARTITIONS))?;
        loop {
            match producer.send(
                BaseRecord::<(), [u8]>::to(topic)
                    .partition(partition)
                    .payload(&payload),
            ) {
                Ok(()) => break,
                Err(_) => producer.poll(Duration::from_millis(1)),
            }
        }
        if number % 100 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(60))?;
    let delivered = usize::try_from(producer.context().0.load(Ordering::Relaxed))?;
    if delivered == KAFKA_RECORDS {
        Ok(rate(delivered, start))
    } else {
        Err(format!("{delivered} of {KAFKA_RECORDS} were delivered").into())
    }
}

async fn publisher(log: &Log, topic: &str) -> Result<f64, Box<dyn Error>> {
    let value = Bytes::from(vec![7; SIZE]);
    let topic: std::sync::Arc<str> = topic.into();
    let start = Instant::now();
    let mut sent = Vec::with_capacity(KAFKA_RECORDS);
    for number in 0..KAFKA_RECORDS {
        let partition = u16::try_from(number % usize::from(KAFKA_PARTITIONS))?;
        let mut record = NewRecord {
            topic: topic.clone(),
            partition,
            key: None,
            value: Some(value.clone()),
            headers: Vec::new(),
        };
        loop {
            match log.publisher.send(record) {
                Ok(delivery) => break sent.push(delivery),
                Err(refused) => {
                    record = *refused.record;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    }
    for delivery in sent {
        delivery.await?;
    }
    Ok(rate(KAFKA_RECORDS, start))
}
