//! Subscribers while notifiers, gateways and workers die and freeze: each is told of every change that is written after its subscription was
//! answered, at least once, and of each document in order.

use anyhow::{Result, ensure};
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster, listener::Listener};
use testbed::Servers;
use tokio::task::JoinSet;

const COLLECTION: &str = "faults/listened";
const DOCUMENTS: u64 = 20;
const GROUPS: u64 = 5;
const LISTENERS: usize = 50;
/// Longer than a group's session, and than a gateway may be silent.
const FROZEN: Duration = Duration::from_secs(15);

/// When each number of a document was handed over: its place in the list.
type Written = Vec<Vec<Instant>>;

/// Writes until it is told to stop: each document's numbers one after the other.
struct Writers {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    tasks: JoinSet<Result<(u64, Vec<Instant>)>>,
}

impl Writers {
    fn start(client: &Arc<Client>) -> Self {
        let mut writers = Self { stop: Arc::default(), count: Arc::default(), tasks: JoinSet::new() };
        for document in 0..DOCUMENTS {
            let (client, stop, count) = (client.clone(), writers.stop.clone(), writers.count.clone());
            writers.tasks.spawn(async move {
                let mut written = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = written.len();
                    written.push(Instant::now());
                    let body = json!({"n": number, "group": document % GROUPS});
                    let write = json!({"index": "faults", "collection": "listened", "_id": format!("d{document}"), "body": body});
                    client.accept("document.createOrReplace", &write, &format!("{document}-{number}"), Duration::from_secs(120)).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok((document, written))
            });
        }
        writers
    }

    /// Until so many more were accepted.
    async fn progress(&self, more: usize) -> Result<()> {
        let (until, began) = (self.count.load(Ordering::Relaxed) + more, Instant::now());
        while self.count.load(Ordering::Relaxed) < until {
            ensure!(began.elapsed() < Duration::from_secs(180), "no progress");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        let mut written = vec![Vec::new(); DOCUMENTS as usize];
        while let Some(done) = self.tasks.join_next().await {
            let (document, times) = done??;
            written[document as usize] = times;
        }
        Ok(written)
    }
}

/// What a listener has not heard (yet) though it must have, and what it heard out of order.
async fn faults(listener: &Listener, written: &Written) -> Vec<String> {
    let mut faults = Vec::new();
    let sessions = listener.sessions().await;
    let group = listener.filter["equals"]["group"].as_u64();
    for (at, session) in sessions.iter().enumerate() {
        for (document, times) in (0_u64..).zip(written) {
            let id = format!("d{document}");
            let told = session.told.get(&id).map_or(&[][..], Vec::as_slice);
            if group.is_some_and(|group| document % GROUPS != group) {
                if !told.is_empty() {
                    faults.push(format!("{id} is none of {}", listener.filter));
                }
                continue;
            }
            let (mut highest, mut seen) = (None, HashSet::new());
            for number in told {
                if seen.insert(number) && highest > Some(number) {
                    faults.push(format!("session {at}: {id} {number} for the first time after {highest:?}"));
                }
                highest = highest.max(Some(number));
            }
            // A connection that broke may have lost what was on its way.
            if at + 1 < sessions.len() {
                continue;
            }
            let due = (0_u64..).zip(times).filter(|(_, at)| **at > session.since).map(|(number, _)| number);
            let missing: Vec<u64> = due.filter(|number| !seen.contains(number)).collect();
            if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
                faults.push(format!("session {at} at {}: {id} lacks {} from {first} to {last}", listener.gateway, missing.len()));
            }
        }
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_a_change_whoever_dies_or_freezes() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 2).await?;
    cluster.add_notifier(0).await?;
    cluster.add_notifier(1).await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;
    let gateways = cluster.gateways().to_vec();
    let mut listeners = Vec::new();
    for n in 0..LISTENERS {
        let filter = if n % 2 == 0 { json!({}) } else { json!({"equals": {"group": n as u64 % GROUPS}}) };
        listeners.push(Listener::start(&gateways[n % 4 / 2], COLLECTION, filter).await?);
    }
    let writers = Writers::start(&client);
    writers.progress(200).await?;

    cluster.kill9("notifier-0")?;
    writers.progress(200).await?;
    cluster.restart("notifier-0").await?;
    writers.progress(200).await?;
    cluster.process("notifier-1")?.stop()?;
    tokio::time::sleep(FROZEN).await;
    cluster.process("notifier-1")?.cont()?;
    writers.progress(200).await?;

    cluster.kill9("worker-0")?;
    writers.progress(100).await?;
    cluster.restart("worker-0").await?;
    cluster.process("worker-1")?.stop()?;
    tokio::time::sleep(FROZEN).await;
    cluster.process("worker-1")?.cont()?;
    writers.progress(200).await?;

    cluster.kill9("gateway-0")?;
    writers.progress(100).await?;
    cluster.restart("gateway-0").await?;
    writers.progress(200).await?;
    // Shorter than what it takes to be called dead.
    cluster.process("gateway-1")?.stop()?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    cluster.process("gateway-1")?.cont()?;
    writers.progress(300).await?;

    let written = writers.finish().await?;
    let began = Instant::now();
    loop {
        let mut found = Vec::new();
        for listener in &listeners {
            found.extend(faults(listener, &written).await);
        }
        if found.is_empty() {
            break;
        }
        let first = found.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
        ensure!(began.elapsed() < Duration::from_secs(120), "{} faults, the first:\n{first}", found.len());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mut told = 0;
    for listener in &listeners {
        told += listener.sessions().await.iter().flat_map(|session| session.told.values()).map(Vec::len).sum::<usize>();
    }
    eprintln!("{} changes, {told} notifications", written.iter().map(Vec::len).sum::<usize>());
    Ok(())
}
