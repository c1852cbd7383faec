//! `consign-bench spool`: records that a gateway's spool makes durable while its log is away, beside a
//! file that gets the same bytes: whatever waits is one write and one sync, in both.

use crate::compared::{Compared, Round};
use bytes::Bytes;
use clap::Args;
use consign::{commands::Invocation, failure::Failure};
use event_log::{NewRecord, embedded};
use runtime::{Shutdown, SystemClock};
use spool::{
    Acknowledged, Config, Spool, SpoolDurability, SpoolFolder, SpoolOptions, codec::encode_record,
};
use std::{
    fs::File,
    future::Future,
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Instant,
};
use tokio::{sync::oneshot, task::JoinSet};

const EXAMPLES: &str = "\
Examples:
  consign-bench spool
  consign-bench spool --folder /mnt/volume --writers 1024     on another disk";

/// Records of 1 KiB made durable a second by a spool, beside bare writes with a sync for each group
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Records in each round
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Records that wait at once: what comes during one sync is the next group
    #[arg(long, default_value_t = 256)]
    writers: usize,
    /// Where files are made, in a folder that is gone afterwards
    #[arg(long, value_name = "FOLDER")]
    folder: Option<std::path::PathBuf>,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut maker = tempfile::Builder::new();
    let maker = maker.prefix("consign-bench");
    let folder = match &arguments.folder {
        Some(folder) => maker.tempdir_in(folder)?,
        None => maker.tempdir()?,
    };
    let load = WriteLoad {
        records: arguments.records.max(1),
        writers: arguments.writers.max(1),
    };
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds.max(1) {
        let folder = folder.path().join(round.to_string());
        std::fs::create_dir(&folder)?;
        let floor = bare(&folder.join("floor"), load).await?;
        rounds.push(Round::new(
            floor,
            spooled(&folder.join("spool"), load).await?,
        ));
        std::fs::remove_dir_all(&folder)?;
    }
    Compared::new(
        "spool",
        "files",
        "the same bytes appended to a file, one write and one sync for whatever waits",
        Some(0.8),
        rounds,
    )
    .print(invocation)
}

/// So many records, so many at once.
#[derive(Clone, Copy, Debug)]
struct WriteLoad {
    records: u64,
    writers: usize,
}

impl WriteLoad {
    /// Records that became safe a second.
    async fn rate<F>(self, write: impl Fn(NewRecord) -> F) -> Result<f64, Failure>
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let next = Arc::new(AtomicU64::new(0));
        let write = Arc::new(write);
        let began = Instant::now();
        let mut writers = Vec::new();
        for _ in 0..self.writers {
            let (next, write) = (next.clone(), write.clone());
            writers.push(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= self.records {
                        return Ok::<_, Failure>(());
                    }
                    write(record(n)).await?;
                }
            });
        }
        futures::future::try_join_all(writers).await?;
        Ok(self.records as f64 / began.elapsed().as_secs_f64())
    }
}

/// As an event is: a key, headers, 1 KiB of value.
fn record(n: u64) -> NewRecord {
    let value: Vec<u8> = (0..1024_u64)
        .map(|at| b'a' + ((n.wrapping_mul(31) + at * at % 97) % 26) as u8)
        .collect();
    NewRecord {
        topic: "transactions".into(),
        partition: (n % 8) as u16,
        key: Some(format!("bench/documents/d{n}").into()),
        value: Some(value.into()),
        headers: vec![
            ("ce_id".into(), format!("request-{n}").into()),
            (
                "ce_type".into(),
                Bytes::from_static(b"document.createOrReplace"),
            ),
        ],
    }
}

async fn spooled(folder: &Path, load: WriteLoad) -> Result<f64, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let (log, _handle) = embedded::open_log(&folder.join("log"), embedded::Options::default())
        .map_err(|error| failed(&error))?;
    let medium = SpoolFolder::open(&folder.join("spool"), "transactions in 8 partitions");
    let config = Config {
        durability: SpoolDurability::SpoolFirst,
        reserve_bytes: 0,
        ..Config::default()
    };
    let options = SpoolOptions {
        limits: config.limits(),
        reserve: config.reserve_bytes,
        max_age: config.max_age(),
        tracked_topic: "transactions".into(),
        clock: Arc::new(SystemClock),
    };
    // It is never opened: its log was not found yet.
    let spool = Spool::new(
        medium.map_err(|error| failed(&error))?,
        log.publisher,
        options,
    );
    let (_trigger, shutdown) = Shutdown::manual();
    let turns = runtime::spawn("spool", spool.clone().run(shutdown));
    let rate = load
        .rate(|record| {
            let sent = spool.send(record);
            async move {
                let delivery = sent.map_err(|error| Failure::failed(error.to_string()))?;
                match delivery.await {
                    Ok(Acknowledged::Spooled(_)) => Ok(()),
                    other => Err(Failure::failed(format!("not spooled: {other:?}"))),
                }
            }
        })
        .await?;
    let held = spool.status().records;
    turns.abort();
    if held != load.records {
        let why = format!(
            "{held} records are in the spool, {} were written",
            load.records
        );
        return Err(Failure::failed(why));
    }
    Ok(rate)
}

/// What waits for the file's thread.
type BareWrite = (NewRecord, oneshot::Sender<()>);

async fn bare(file: &Path, load: WriteLoad) -> Result<f64, Failure> {
    let (sender, waiting) = mpsc::channel::<BareWrite>();
    let file = File::create(file)?;
    let mut writing = JoinSet::new();
    writing.spawn_blocking(move || write_groups(file, &waiting));
    let rate = load
        .rate(|record| {
            let (done, safe) = oneshot::channel();
            let sent = sender.send((record, done));
            async move {
                sent.map_err(|_| Failure::failed("the file takes nothing more"))?;
                safe.await
                    .map_err(|_| Failure::failed("the file was not written"))
            }
        })
        .await;
    drop(sender);
    while let Some(ended) = writing.join_next().await {
        ended.map_err(|error| Failure::failed(error.to_string()))??;
    }
    rate
}

fn write_groups(mut file: File, waiting: &mpsc::Receiver<BareWrite>) -> Result<(), Failure> {
    let (mut bytes, mut group) = (Vec::new(), Vec::new());
    while let Ok(first) = waiting.recv() {
        for (record, done) in std::iter::once(first).chain(waiting.try_iter()) {
            encode_record(&record, &mut bytes);
            group.push(done);
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        for done in group.drain(..) {
            // Whoever waited has given up.
            _ = done.send(());
        }
        bytes.clear();
    }
    Ok(())
}
