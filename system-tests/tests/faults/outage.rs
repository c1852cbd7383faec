//! Elasticsearch is away while clients write faster than the pipeline applies: nothing becomes a dead
//! letter, everything is applied in its order, and the pipeline is at its speed soon after the server
//! is back.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{
    env,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster};
use testbed::{Addresses, PrivateOptions, Proxy, Server, Servers};
use tokio::{task::block_in_place, time::sleep};

const COLLECTION: &str = "faults/away";
const WRITERS: u64 = 4;
/// Documents of each writer, written over and over.
const DOCUMENTS: u64 = 250;
/// Writes that are handed over together.
const LINES: u64 = 50;
/// The speed is looked at when it stands, and so soon after the server answers again.
const SOON: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(300);

/// How it is away: behind a proxy that closes every connection, or killed.
enum AbsentView {
    Cut(Proxy),
    Killed(Servers),
}

/// For how long, and how many writes may wait meanwhile: always some, so that the worker does what it
/// can. `CONSIGN_TEST_OUTAGE_SECONDS=120` kills an Elasticsearch for two minutes.
struct OutageSize {
    away: Duration,
    most_waiting: u64,
    is_killed: bool,
}

impl OutageSize {
    fn asked() -> Result<Self> {
        let asked = env::var("CONSIGN_TEST_OUTAGE_SECONDS").ok();
        let seconds = asked.map(|text| text.parse()).transpose()?;
        Ok(Self {
            away: Duration::from_secs(seconds.unwrap_or(12)),
            most_waiting: if seconds.is_some() { 60_000 } else { 6_000 },
            is_killed: seconds.is_some(),
        })
    }
}

impl AbsentView {
    fn begin(is_killed: bool) -> Result<(Self, Addresses)> {
        let shared = Servers::shared().addresses();
        let (view, elasticsearch) = if is_killed {
            let own = Servers::private(&PrivateOptions {
                servers: vec![Server::Elasticsearch],
                ..PrivateOptions::default()
            })?;
            let address = own.addresses().elasticsearch.clone();
            (Self::Killed(own), address)
        } else {
            let proxy = Proxy::start(&shared.elasticsearch)?;
            let address = proxy.address();
            (Self::Cut(proxy), address)
        };
        let addresses = Addresses {
            elasticsearch,
            ..shared.clone()
        };
        Ok((view, addresses))
    }

    fn take_away(&self) -> Result<()> {
        match self {
            Self::Cut(proxy) => proxy.cut(),
            Self::Killed(servers) => servers.kill9(Server::Elasticsearch)?,
        }
        Ok(())
    }

    fn bring_back(&self) -> Result<()> {
        match self {
            Self::Cut(proxy) => proxy.restore(),
            Self::Killed(servers) => block_in_place(|| {
                servers.start(Server::Elasticsearch)?;
                servers.wait_ready(Server::Elasticsearch)
            })?,
        }
        Ok(())
    }
}

/// Writers that never let the worker run out of work.
struct SteadyLoad {
    client: Arc<Client>,
    http: reqwest::Client,
    /// Where the worker's metrics are.
    metrics: String,
    most_waiting: u64,
    written: AtomicU64,
    ends: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_view_fills_no_dead_letters_and_costs_no_speed_after() -> Result<()> {
    let size = OutageSize::asked()?;
    let (view, addresses) = AbsentView::begin(size.is_killed)?;
    let cluster = Cluster::on(&addresses, 1, 1).await?;
    let client = cluster.client()?;
    let fields = json!({"n": {"type": "long"}, "writer": {"type": "long"}});
    let mappings = json!({"mappings": {"dynamic": "false", "properties": fields}});
    client.collection(COLLECTION, &mappings).await?;
    let load = Arc::new(SteadyLoad {
        client: client.clone(),
        http: reqwest::Client::new(),
        metrics: format!(
            "http://{}/metrics",
            cluster.variable("worker-0", "CONSIGN_ADMIN_LISTEN")?
        ),
        most_waiting: size.most_waiting,
        written: AtomicU64::new(0),
        ends: AtomicBool::new(false),
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| tokio::spawn(write_over_and_over(load.clone(), n)))
        .collect();
    sleep(SOON).await;
    let full = load.speed(LOOK).await?;

    view.take_away()?;
    // What was on its way is through.
    sleep(Duration::from_secs(2)).await;
    let meanwhile = load.speed(size.away - Duration::from_secs(2)).await?;
    view.bring_back()?;
    sleep(SOON).await;
    let after = load.speed(LOOK).await?;
    let waiting = load.written.load(Ordering::Relaxed) - load.resolved("applied").await?;
    eprintln!(
        "applied a second: {full:.0}, {meanwhile:.0} in {:?} without the view, {after:.0} soon after; {waiting} wait then",
        size.away
    );
    load.ends.store(true, Ordering::Relaxed);
    let mut last = Vec::new();
    for writer in writers {
        last.push(writer.await??);
    }
    load.all_applied().await?;
    judge_documents(&client, &last).await?;
    let url = format!("{}/v1/dead-letters", cluster.gateways()[0]);
    let letters: Value = reqwest::get(url).await?.json().await?;
    ensure!(letters["count"] == 0, "{letters}");
    ensure!(full > 20.0, "no load: {full:.0} a second");
    ensure!(
        meanwhile < full / 10.0,
        "it was not away: {meanwhile:.0} of {full:.0} a second"
    );
    ensure!(waiting > 0, "the worker ran out of work");
    ensure!(after * 2.0 >= full, "{after:.0} of {full:.0} a second");
    Ok(())
}

impl SteadyLoad {
    /// Requests of that verdict, as the worker counts them; of all verdicts without one.
    async fn resolved(&self, verdict: &str) -> Result<u64> {
        let answer = self.http.get(&self.metrics).send().await?;
        let text = answer.error_for_status()?.text().await?;
        let counts = text.lines().filter(|line| {
            line.starts_with("consign_worker_resolved_total{") && line.contains(verdict)
        });
        let counts: Option<Vec<f64>> = counts
            .map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        Ok(counts.context("a count that is none")?.iter().sum::<f64>() as u64)
    }

    /// Writes that are applied a second.
    async fn speed(&self, time: Duration) -> Result<f64> {
        let (before, began) = (self.resolved("applied").await?, Instant::now());
        sleep(time).await;
        let applied = self.resolved("applied").await? - before;
        Ok(applied as f64 / began.elapsed().as_secs_f64())
    }

    /// Waits until every write is, and nothing came to anything else.
    async fn all_applied(&self) -> Result<()> {
        let (began, written) = (Instant::now(), self.written.load(Ordering::Relaxed));
        while self.resolved("applied").await? < written {
            ensure!(began.elapsed() < PATIENCE, "not all of {written} arrive");
            sleep(Duration::from_millis(100)).await;
        }
        let resolved = self.resolved("").await?;
        ensure!(
            resolved == written,
            "{resolved} verdicts of {written} writes"
        );
        Ok(())
    }
}

/// Writes its documents over and over; what each holds in the end, by its number.
async fn write_over_and_over(load: Arc<SteadyLoad>, writer: u64) -> Result<Vec<Option<u64>>> {
    let mut last = vec![None; DOCUMENTS as usize];
    let mut next = 0;
    while !load.ends.load(Ordering::Relaxed) {
        let applied = load.resolved("applied").await?;
        if load.written.load(Ordering::Relaxed) >= applied + load.most_waiting {
            sleep(Duration::from_millis(20)).await;
            continue;
        }
        let mut lines = String::new();
        for n in next..next + LINES {
            let id = format!("{writer}-{}", n % DOCUMENTS);
            let body = json!({"n": n, "writer": writer});
            let request = json!({"index": "faults", "collection": "away", "_id": id, "body": body});
            writeln!(lines, "{request}")?;
            last[(n % DOCUMENTS) as usize] = Some(n);
        }
        next += LINES;
        let answers = load
            .client
            .bulk("document.createOrReplace", lines.as_bytes())
            .await?;
        let is_accepted = |answer: &&Value| answer["request_id"].is_string();
        let accepted = answers.iter().filter(is_accepted).count() as u64;
        ensure!(accepted == LINES, "{accepted} of {LINES}: {answers:?}");
        load.written.fetch_add(LINES, Ordering::Relaxed);
    }
    Ok(last)
}

/// A search finds each document as it was written last.
async fn judge_documents(client: &Client, last: &[Vec<Option<u64>>]) -> Result<()> {
    for (writer, last) in last.iter().enumerate() {
        let query = json!({"query": {"term": {"writer": writer}}, "size": DOCUMENTS + 1});
        let began = Instant::now();
        loop {
            let found = client.search(COLLECTION, &query, &[]).await?;
            let hits = found["hits"].as_array().context("hits")?;
            let mut seen = vec![None; last.len()];
            for hit in hits {
                let n = hit["_source"]["n"].as_u64().context("n")?;
                seen[(n % DOCUMENTS) as usize] = Some(n);
            }
            if seen == *last {
                break;
            }
            // The index refreshes itself every second.
            ensure!(
                began.elapsed() < Duration::from_secs(30),
                "writer {writer}: {seen:?}, not {last:?}"
            );
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}
