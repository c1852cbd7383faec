//! Subscribers while notifiers, gateways and workers die and freeze: each is told of every change
//! that is written after its subscription was answered, at least once, of each document in order,
//! and of nothing once it has unsubscribed. Half of them come back with a cursor where their
//! connection breaks, and miss nothing of what was written meanwhile either.

use anyhow::{Result, anyhow, ensure};
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{
    client::Client,
    cluster::Cluster,
    listener::{Listener, Session},
};
use testbed::Servers;
use tokio::task::JoinSet;

const COLLECTION: &str = "faults/listened";
const DOCUMENTS: u64 = 60;
const GROUPS: u64 = 10;
const LISTENERS: usize = 50;
/// Listeners that end their subscription half-way.
const LEAVERS: usize = 4;
/// In all.
const CHANGES: usize = 20_000;
/// Between two writes of one document.
const PAUSE: Duration = Duration::from_millis(20);
/// How far what is written may be ahead of what is told: on a slow machine writing is not faster
/// than all the rest for long.
const AHEAD: usize = 3_000;
/// How long nothing may move: partitions that move, a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a group's session, and than a gateway may be silent.
const FROZEN: Duration = Duration::from_secs(15);

/// When each number of a document was handed over: its place in the list.
type Written = Vec<Vec<Instant>>;

/// Writes until it is told to stop: each document's numbers one after the other.
struct Writers {
    stop: Arc<AtomicBool>,
    /// How many were accepted, and how many of them a listener was told of.
    count: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
    tasks: JoinSet<Result<(u64, Vec<Instant>)>>,
}

impl Writers {
    /// Writes no further ahead than AHEAD of what the pacemaker hears.
    fn start(client: &Arc<Client>, pacemaker: Listener) -> Self {
        let mut writers = Self {
            stop: Arc::default(),
            count: Arc::default(),
            told: Arc::default(),
            tasks: JoinSet::new(),
        };
        let (stop, told) = (writers.stop.clone(), writers.told.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                told.store(heard(&pacemaker).await, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        for document in 0..DOCUMENTS {
            let (client, stop, count, told) = (
                client.clone(),
                writers.stop.clone(),
                writers.count.clone(),
                writers.told.clone(),
            );
            writers.tasks.spawn(async move {
                let mut written = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    if count.load(Ordering::Relaxed) > told.load(Ordering::Relaxed) + AHEAD {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    let number = written.len();
                    written.push(Instant::now());
                    let body = json!({"n": number, "group": document % GROUPS});
                    let write = json!({"index": "faults", "collection": "listened", "_id": format!("d{document}"), "body": body});
                    client.accept("document.createOrReplace", &write, &format!("{document}-{number}"), Duration::from_secs(120)).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                Ok((document, written))
            });
        }
        writers
    }

    /// Until so many more were told: whatever dies next has work in hand.
    async fn progress(&self, more: usize) -> Result<()> {
        self.reach(&self.told, self.told.load(Ordering::Relaxed) + more)
            .await
    }

    /// Until so many were accepted in all.
    async fn accepted(&self, all: usize) -> Result<()> {
        self.reach(&self.count, all).await
    }

    async fn reach(&self, counter: &AtomicUsize, until: usize) -> Result<()> {
        let (mut before, mut moved) = (0, Instant::now());
        loop {
            let count = counter.load(Ordering::Relaxed);
            if count >= until {
                return Ok(());
            }
            if count > before {
                (before, moved) = (count, Instant::now());
            }
            let (written, told) = (
                self.count.load(Ordering::Relaxed),
                self.told.load(Ordering::Relaxed),
            );
            ensure!(
                moved.elapsed() < PATIENCE,
                "{written} writes, {told} of them told, and nothing moves"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
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

/// Where a document's numbers are out of order. Whoever takes a partition over tells again what
/// nobody is sure of, as a whole stretch: so each number follows on the one before it, or goes back
/// to where a stretch begins. Anything else is a gap, or two who tell at the same time.
fn disorder(told: &[u64]) -> Option<(u64, u64)> {
    told.windows(2)
        .map(|two| (two[0], two[1]))
        .find(|(before, number)| *number > before + 1)
}

/// What a listener has not heard (yet) though it must have, and what it heard out of order. One
/// that resumes is judged as if its connection had never broken; for another, what was on its way
/// when it broke is lost.
async fn faults(listener: &Listener, written: &Written) -> Vec<String> {
    let mut faults = Vec::new();
    let sessions = listener.sessions().await;
    let stretches: Vec<&[Session]> = if listener.resumes {
        vec![&sessions]
    } else {
        sessions.chunks(1).collect()
    };
    let group = listener.filter["equals"]["group"].as_u64();
    for (at, stretch) in stretches.iter().enumerate() {
        for (document, times) in (0_u64..).zip(written) {
            let id = format!("d{document}");
            let told: Vec<u64> = stretch
                .iter()
                .filter_map(|session| session.told.get(&id))
                .flatten()
                .copied()
                .collect();
            if group.is_some_and(|group| document % GROUPS != group) {
                if !told.is_empty() {
                    faults.push(format!("{id} is none of {}", listener.filter));
                }
                continue;
            }
            let place = || {
                format!(
                    "stretch {at} of {} at {}: {id}",
                    sessions.len(),
                    listener.gateway
                )
            };
            if let Some((before, number)) = disorder(&told) {
                faults.push(format!("{} {number} after {before}", place()));
            }
            if at + 1 < stretches.len()
                || stretch.iter().any(|session| session.unsubscribed.is_some())
            {
                continue;
            }
            let (seen, since) = (
                told.iter().copied().collect::<HashSet<_>>(),
                stretch[0].since,
            );
            let due = (0_u64..)
                .zip(times)
                .filter(|(_, at)| **at > since)
                .map(|(number, _)| number);
            let missing: Vec<u64> = due.filter(|number| !seen.contains(number)).collect();
            if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
                faults.push(format!(
                    "{} lacks {} from {first} to {last}",
                    place(),
                    missing.len()
                ));
            }
        }
    }
    for session in &sessions {
        if let Some(stray) = session.strays.first() {
            faults.push(format!(
                "told after it had unsubscribed, {} times: {stray}",
                session.strays.len()
            ));
        }
    }
    faults
}

/// How many changes it was told of, each counted once.
async fn heard(listener: &Listener) -> usize {
    let sessions = listener.sessions().await;
    let told = sessions
        .last()
        .into_iter()
        .flat_map(|session| session.told.values());
    told.filter_map(|numbers| numbers.iter().max())
        .map(|highest| *highest as usize + 1)
        .sum()
}

/// Waits until all of them have heard all they must have, as long as they hear more.
async fn judge(listeners: &[Listener], written: &Written) -> Result<()> {
    let (mut before, mut moved) = (usize::MAX, Instant::now());
    loop {
        let mut found = Vec::new();
        for listener in listeners {
            found.extend(faults(listener, written).await);
        }
        if found.is_empty() {
            break;
        }
        let told = tally(listeners).await.0;
        if told != before {
            (before, moved) = (told, Instant::now());
        }
        let first = found
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        ensure!(
            moved.elapsed() < PATIENCE,
            "{} faults, the first:\n{first}",
            found.len()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (told, again) = tally(listeners).await;
    eprintln!(
        "{} changes, {told} notifications, {again} of them repeats",
        written.iter().map(Vec::len).sum::<usize>()
    );
    Ok(())
}

/// Notifications, and how many of them were repeats.
async fn tally(listeners: &[Listener]) -> (usize, usize) {
    let (mut told, mut again) = (0, 0);
    for listener in listeners {
        for numbers in listener
            .sessions()
            .await
            .iter()
            .flat_map(|session| session.told.values())
        {
            told += numbers.len();
            again += numbers.len() - numbers.iter().collect::<HashSet<_>>().len();
        }
    }
    (told, again)
}

async fn listen(gateways: &[String], many: usize) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for n in 0..many {
        let filter = if n % 5 == 0 {
            json!({})
        } else {
            json!({"equals": {"group": n as u64 % GROUPS}})
        };
        let gateway = &gateways[n % gateways.len()];
        listeners.push(
            Listener::start_with(gateway, COLLECTION, filter, &json!({}), n / 2 % 2 == 0).await?,
        );
    }
    Ok(listeners)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_a_change_whoever_dies_or_freezes() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 2).await?;
    cluster.add_notifier(0).await?;
    cluster.add_notifier(1).await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;
    let mut listeners = listen(cluster.gateways(), LISTENERS).await?;
    let leavers = listen(cluster.gateways(), LEAVERS).await?;
    // Of the gateway that is never killed.
    let pacemaker = Listener::start(&cluster.gateways()[1], COLLECTION, json!({})).await?;
    let writers = Writers::start(&client, pacemaker);
    writers.progress(500).await?;

    cluster.kill9("notifier-0")?;
    writers.progress(500).await?;
    cluster.restart("notifier-0").await?;
    cluster.add_notifier(2).await?;
    writers.progress(1000).await?;
    cluster.process("notifier-1")?.stop()?;
    tokio::time::sleep(FROZEN).await;
    cluster.process("notifier-1")?.cont()?;
    writers.progress(1000).await?;
    assert!(
        cluster
            .process("notifier-2")?
            .terminate(Duration::from_secs(45))?
            .success()
    );
    for leaver in &leavers {
        leaver.unsubscribe().await?;
    }
    writers.progress(500).await?;

    cluster.kill9("worker-0")?;
    writers.progress(500).await?;
    cluster.restart("worker-0").await?;
    cluster.process("worker-1")?.stop()?;
    tokio::time::sleep(FROZEN).await;
    cluster.process("worker-1")?.cont()?;
    writers.progress(500).await?;

    cluster.kill9("gateway-0")?;
    writers.progress(500).await?;
    cluster.restart("gateway-0").await?;
    writers.progress(500).await?;
    // Shorter than what it takes to be called dead.
    cluster.process("gateway-1")?.stop()?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    cluster.process("gateway-1")?.cont()?;
    writers.progress(500).await?;
    writers.accepted(CHANGES).await?;

    let written = writers.finish().await?;
    listeners.extend(leavers);
    judge(&listeners, &written).await
}

/// Long enough to be taken for dead: it goes on under another name, and says so to whoever listens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_was_frozen_for_too_long_sends_its_listeners_away_and_takes_them_back()
-> Result<()> {
    const COLLECTION: &str = "faults/frozen";
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 1).await?;
    cluster.add_notifier(0).await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;
    let [frozen, awake] = cluster
        .gateways()
        .to_vec()
        .try_into()
        .map_err(|_| anyhow!("two gateways"))?;
    let users = json!({"users": "all"});
    let watcher = Listener::start_with(&awake, COLLECTION, json!({}), &users, false).await?;
    let plain = Listener::start(&frozen, COLLECTION, json!({})).await?;
    let resuming = Listener::start_with(&frozen, COLLECTION, json!({}), &json!({}), true).await?;
    let writer = Arc::new(Client::new(vec![awake])?);
    let mut number = 0_u64;
    let mut write = async |many: u64| {
        for _ in 0..many {
            let request = json!({"index": "faults", "collection": "frozen", "_id": "d", "body": {"n": number}});
            let (status, answer) = writer
                .write("document.createOrReplace", &request, 30)
                .await?;
            ensure!(status.is_success(), "{status} {answer}");
            number += 1;
        }
        Ok(number - 1)
    };
    let before = write(5).await?;
    for listener in [&watcher, &plain, &resuming] {
        until("what is written is told", async || {
            told(&listener.sessions().await).last() == Some(&before)
        })
        .await?;
    }

    cluster.process("gateway-0")?.stop()?;
    until("others see its users leave", async || {
        watcher.sessions().await[0].users.last() == Some(&1)
    })
    .await?;
    // What is matched once the members have come back is theirs, however early it was written.
    let meanwhile = write(5).await?;
    until("those that stayed are told of it", async || {
        told(&watcher.sessions().await).last() == Some(&meanwhile)
    })
    .await?;
    cluster.process("gateway-0")?.cont()?;
    for listener in [&plain, &resuming] {
        until("its listeners are sent away", async || {
            listener.sessions().await[0].closed == Some(1012)
        })
        .await?;
        until("and come back", async || {
            listener.sessions().await.len() == 2
        })
        .await?;
    }
    until("others see its users come", async || {
        watcher.sessions().await[0].users.last() == Some(&3)
    })
    .await?;
    let behind = write(1).await?;
    let last = write(4).await?;
    for listener in [&watcher, &plain, &resuming] {
        until("what is written is told", async || {
            told(&listener.sessions().await).last() == Some(&last)
        })
        .await?;
    }
    let all: Vec<u64> = (0..=last).collect();
    assert_eq!(told(&watcher.sessions().await), all);
    assert_eq!(
        told(&plain.sessions().await[1..]),
        (behind..=last).collect::<Vec<_>>(),
        "from then on"
    );
    let mut resumed = told(&resuming.sessions().await);
    assert_eq!(disorder(&resumed), None, "{resumed:?}");
    resumed.sort_unstable();
    resumed.dedup();
    assert_eq!(resumed, all, "what was written meanwhile, too");
    Ok(())
}

fn told(sessions: &[Session]) -> Vec<u64> {
    sessions
        .iter()
        .filter_map(|session| session.told.get("d"))
        .flatten()
        .copied()
        .collect()
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds().await {
        ensure!(
            began.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[test]
fn a_stretch_may_be_told_again_and_nothing_may_be_mixed_into_it() {
    for fine in [
        &[4, 5, 6][..],
        &[4, 5, 6, 5, 6, 7],
        &[0, 0, 1],
        &[3, 4, 1, 2, 3, 4, 5],
        &[],
    ] {
        assert_eq!(disorder(fine), None, "{fine:?}");
    }
    for (wrong, found) in [
        (&[4, 6][..], (4, 6)),
        (&[4, 5, 6, 2, 7], (2, 7)),
        (&[5, 6, 3, 7, 4, 8], (3, 7)),
    ] {
        assert_eq!(disorder(wrong), Some(found), "{wrong:?}");
    }
}
