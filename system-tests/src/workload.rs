//! Clients that write as fast as they are acknowledged, and then look until every write has its
//! verdict and every document was read. Only records what it saw; the checker judges.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    client::{Accepted, Client},
    history::{Action, Body, Final, History, Look, Read, Status, Write},
};

/// How hard and on what.
#[derive(Debug, Clone)]
pub struct Options {
    /// `index/collection`, there already.
    pub collection: String,
    pub clients: usize,
    /// Documents of one client alone.
    pub own_keys: usize,
    /// Documents that all clients write.
    pub contended_keys: usize,
    pub seed: u64,
    /// Between two writes of a client.
    pub pause: Duration,
    /// How long a client tries to hand one write over: longer than any outage of the test.
    pub patience: Duration,
}

impl Options {
    /// A load that two cores bear beside three servers.
    #[must_use]
    pub fn new(collection: &str) -> Self {
        let collection = collection.to_owned();
        Self {
            collection,
            clients: 8,
            own_keys: 12,
            contended_keys: 4,
            seed: 7,
            pause: Duration::from_millis(40),
            patience: Duration::from_secs(120),
        }
    }
}

/// So many writes beyond those that a test waits for come as fast: what the test breaks next, it
/// breaks under full load.
const FULL_LOAD: u64 = 300;
/// Then a load that goes on through an outage must not grow into one that takes minutes to look at:
/// pauses are so many times as long.
const SLOWER: u32 = 8;
/// Looks at the same time once the load has ended.
const SIDE_BY_SIDE: usize = 8;

/// Clients at work.
#[derive(Debug)]
pub struct Workload {
    options: Options,
    client: Arc<Client>,
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<Result<()>>>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// So many are waited for.
    goal: AtomicU64,
    history: Mutex<History>,
    /// Request and token of each write, as they were acknowledged.
    tokens: Mutex<Vec<(String, String)>>,
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Until the next write of a client.
    fn pause(&self, options: &Options) -> Duration {
        let enough = self.goal.load(Ordering::Relaxed).saturating_add(FULL_LOAD);
        if self.acknowledged.load(Ordering::Relaxed) < enough {
            options.pause
        } else {
            options.pause * SLOWER
        }
    }

    fn record(&self, entry: impl FnOnce(&mut History)) {
        entry(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Workload {
    /// Sets the clients to work.
    #[must_use]
    pub fn start(client: &Arc<Client>, options: Options) -> Self {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            goal: AtomicU64::new(u64::MAX),
            history: Mutex::default(),
            tokens: Mutex::default(),
        });
        let tasks = (0..options.clients)
            .map(|number| {
                tokio::spawn(work(
                    number,
                    Arc::clone(client),
                    options.clone(),
                    Arc::clone(&shared),
                ))
            })
            .collect();
        Self {
            options,
            client: Arc::clone(client),
            shared,
            tasks,
        }
    }

    /// Writes acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many more writes were acknowledged: the load goes on.
    ///
    /// # Errors
    /// If it does not within `patience`.
    pub async fn progress(&self, more: u64, patience: Duration) -> Result<()> {
        let (began, goal) = (Instant::now(), self.acknowledged() + more);
        self.shared.goal.store(goal, Ordering::Relaxed);
        while self.acknowledged() < goal {
            ensure!(
                !self.tasks.iter().any(tokio::task::JoinHandle::is_finished),
                "a client gave up at {} of {goal}",
                self.acknowledged()
            );
            ensure!(
                began.elapsed() < patience,
                "the load stands still at {} of {goal}",
                self.acknowledged()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Lets the clients end, waits for every verdict, reads every document in record and view, and
    /// hands over what was seen.
    ///
    /// # Errors
    /// If a client could not hand a write over, or verdicts do not come within `patience`.
    pub async fn finish(self, patience: Duration) -> Result<History> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.context("a client panicked")??;
        }
        let writes = std::mem::take(
            &mut self
                .shared
                .history
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .writes,
        );
        let deadline = Instant::now() + patience;
        // Twice: what is final must stay so.
        for _ in 0..2 {
            stream::iter(&writes)
                .for_each_concurrent(SIDE_BY_SIDE, |write| {
                    settle(&self.client, &self.shared, &write.request, deadline)
                })
                .await;
        }
        let finals = read_all(&self.client, &self.options, &self.shared).await?;
        let mut history = std::mem::take(
            &mut *self
                .shared
                .history
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        history.writes = writes;
        history.finals = finals;
        Ok(history)
    }
}

/// Looks at a request until its verdict is there or time is up.
async fn settle(client: &Client, shared: &Shared, request: &str, deadline: Instant) {
    loop {
        let last = look(client, shared, request).await;
        if last == Some(true) || Instant::now() > deadline {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One look, recorded; says whether it was final.
async fn look(client: &Client, shared: &Shared, request: &str) -> Option<bool> {
    let seen = client.look(request).await?;
    let is_final = seen.status.is_final();
    let revision = seen.body["result"]["_version"].as_u64();
    let at = shared.now();
    shared.record(|h| {
        h.looks.push(Look {
            at,
            request: request.to_owned(),
            status: seen.status,
            position: seen.position,
            revision,
        })
    });
    Some(is_final)
}

async fn work(
    number: usize,
    client: Arc<Client>,
    options: Options,
    shared: Arc<Shared>,
) -> Result<()> {
    let mut random = StdRng::seed_from_u64(options.seed * 1000 + number as u64);
    let mut last: Option<(String, Accepted)> = None;
    for turn in 0_u64.. {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let contended = options.contended_keys > 0 && random.random_bool(0.15);
        let key = if contended {
            format!("all-{}", random.random_range(0..options.contended_keys))
        } else {
            format!("own-{number}-{}", random.random_range(0..options.own_keys))
        };
        let action = action(&mut random, number, turn);
        let (operation, body) = request(&options.collection, &key, &action)?;
        let idempotency = uuid::Uuid::now_v7().to_string();
        let sent = shared.now();
        let accepted = client
            .accept(operation, &body, &idempotency, options.patience)
            .await?;
        let (acknowledged, request) = (shared.now(), accepted.request.clone());
        shared.acknowledged.fetch_add(1, Ordering::Relaxed);
        shared
            .tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((request.clone(), accepted.token.clone()));
        shared.record(|h| {
            h.writes.push(Write {
                client: number,
                key: key.clone(),
                action,
                request,
                sent,
                acknowledged,
            })
        });
        if random.random_bool(0.05)
            && let Some((key, earlier)) = &last
        {
            look(&client, &shared, &earlier.request).await;
            read_after(&client, &options, &shared, key, earlier).await;
        }
        last = Some((key, accepted));
        tokio::time::sleep(shared.pause(&options)).await;
    }
    Ok(())
}

/// A read by token; an outage may answer it with an error, which shows nothing.
async fn read_after(
    client: &Client,
    options: &Options,
    shared: &Shared,
    key: &str,
    accepted: &Accepted,
) {
    if let Ok(found) = client
        .document(&options.collection, key, Some(&accepted.token))
        .await
    {
        let at = shared.now();
        shared.record(|h| {
            h.reads.push(Read {
                at,
                key: key.to_owned(),
                after: accepted.request.clone(),
                found,
            })
        });
    }
}

/// Every document that was written, from the record and from the view.
async fn read_all(client: &Client, options: &Options, shared: &Shared) -> Result<Vec<Final>> {
    let keys = (0..options.clients)
        .flat_map(|n| (0..options.own_keys).map(move |k| format!("own-{n}-{k}")))
        .chain((0..options.contended_keys).map(|k| format!("all-{k}")));
    let applied: HashSet<String> = {
        let history = shared
            .history
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        history
            .looks
            .iter()
            .filter(|look| look.status == Status::Applied)
            .map(|look| look.request.clone())
            .collect()
    };
    // The token of a refused write is answered with the refusal.
    let tokens = shared
        .tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let last = tokens
        .iter()
        .rev()
        .find(|(request, _)| applied.contains(request))
        .map(|(_, token)| token.as_str());
    let after: Vec<&str> = last.into_iter().collect();
    let mut finals = Vec::new();
    for key in keys {
        let record = client.document(&options.collection, &key, None).await?;
        let query = json!({"query": {"ids": {"values": [key]}}});
        let found = client.search(&options.collection, &query, &after).await?;
        let view = found["hits"][0]["_source"].as_object().cloned();
        finals.push(Final { key, record, view });
    }
    Ok(finals)
}

fn action(random: &mut StdRng, client: usize, turn: u64) -> Action {
    let mark = |random: &mut StdRng| -> Body {
        let mut body = Body::new();
        body.insert(
            format!("f{}", random.random_range(0..6)),
            json!(format!("{client}.{turn}")),
        );
        body.insert("turn".into(), json!(turn));
        body.insert("client".into(), json!(client));
        body
    };
    match random.random_range(0..100) {
        0..12 => Action::Create(mark(random)),
        12..30 => Action::Put(mark(random)),
        30..38 => Action::Replace(mark(random)),
        38..65 => Action::Update(mark(random)),
        65..80 => Action::Upsert {
            changes: mark(random),
            default: mark(random),
        },
        80..86 => Action::DeleteFields(vec![format!("f{}", random.random_range(0..6))]),
        _ => Action::Delete,
    }
}

/// The operation and its request.
fn request(collection: &str, key: &str, action: &Action) -> Result<(&'static str, Value)> {
    let (index, collection) = collection
        .split_once('/')
        .context("a collection is index/collection")?;
    let mut request = json!({"index": index, "collection": collection, "_id": key});
    let mut with = |name: &str, value: Value| request[name] = value;
    let operation = match action {
        Action::Create(body) => (with("body", json!(body)), "document.create").1,
        Action::Put(body) => (with("body", json!(body)), "document.createOrReplace").1,
        Action::Replace(body) => (with("body", json!(body)), "document.replace").1,
        Action::Update(body) => (with("body", json!(body)), "document.update").1,
        Action::Upsert { changes, default } => {
            with("changes", json!(changes));
            (with("default", json!(default)), "document.upsert").1
        }
        Action::DeleteFields(fields) => (with("fields", json!(fields)), "document.deleteFields").1,
        Action::Delete => "document.delete",
    };
    Ok((operation, request))
}
