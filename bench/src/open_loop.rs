//! `consign-bench open-loop`: how long a client waits at set rates. Requests are due at fixed times
//! whatever became of those before, and each is timed from when it was due: a server that stops for
//! a moment is charged with all that came meanwhile ("coordinated omission"; Gil Tene, wrk2).

use crate::{
    environment::BenchEnvironment,
    http_wire::{HttpLoad, HttpWire},
    workload::{self, OPERATION},
};
use clap::Args;
use consign::{commands::Invocation, failure::Failure, output::format_table};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet};

const EXAMPLES: &str = "\
Examples:
  consign-bench open-loop
  consign-bench open-loop --shares 10,90 --seconds 30
  consign-bench open-loop --config gateway.toml --json       on servers";

/// How long the thread that paces sleeps at least; what is due meanwhile begins together.
const PACE: Duration = Duration::from_micros(50);

/// Milliseconds to accepted and to applied at set rates, from when each request was due
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Length of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Connections over which requests go as they come due
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Rates, in percent of what the same connections reach when each asks as fast as it is answered
    #[arg(long, value_delimiter = ',', default_values_t = [20, 50, 80])]
    shares: Vec<u64>,
}

#[derive(Serialize)]
struct Report {
    bench: &'static str,
    on: &'static str,
    connections: usize,
    at: Vec<RateReport>,
}

/// Milliseconds.
#[derive(Serialize)]
struct RateReport {
    until: &'static str,
    share: u64,
    due_a_second: f64,
    answered: u64,
    p50: f64,
    p99: f64,
    p999: f64,
    most: f64,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let mut environment = BenchEnvironment::make(invocation, &[]).await?;
    let client = environment.whole().await?;
    workload::create_collection(&client).await?;
    let (path, first) = (
        format!("/v1/operations/{OPERATION}"),
        Arc::new(AtomicU64::new(0)),
    );
    let duration = Duration::from_secs(arguments.seconds.max(1));
    let mut at = Vec::new();
    for (until, headers, expected) in [
        ("accepted", "", 202),
        ("applied", "prefer: wait=30\r\n", 200),
    ] {
        let load = HttpLoad {
            url: client.url(),
            path: &path,
            headers,
            connections: arguments.connections.max(1),
            expected,
        };
        let most = load.rate(&first, duration).await?;
        for share in &arguments.shares {
            let due_a_second = most * *share as f64 / 100.0;
            let waits = waits_at(&load, &first, due_a_second, duration).await?;
            let millis = |micros: u64| micros as f64 / 1000.0;
            at.push(RateReport {
                until,
                share: *share,
                due_a_second,
                answered: waits.len(),
                p50: millis(waits.value_at_quantile(0.5)),
                p99: millis(waits.value_at_quantile(0.99)),
                p999: millis(waits.value_at_quantile(0.999)),
                most: millis(waits.max()),
            });
        }
    }
    let report = Report {
        bench: "open-loop",
        on: environment.on(),
        connections: arguments.connections.max(1),
        at,
    };
    environment.end().await?;
    invocation.output.result(&report, format_report)
}

fn format_report(report: &Report) -> String {
    let rows = report.at.iter().map(|at| {
        let times = [at.p50, at.p99, at.p999, at.most].map(|millis| format!("{millis:.2}"));
        let head = [
            at.until.to_owned(),
            format!("{} %", at.share),
            format!("{:.0}", at.due_a_second),
        ];
        [head.to_vec(), times.to_vec()].concat()
    });
    format!(
        "on {}, {} connections, milliseconds from when a request was due\n{}",
        report.on,
        report.connections,
        format_table(
            &[
                "until",
                "of the most",
                "due/s",
                "p50",
                "p99",
                "p99.9",
                "most"
            ],
            &rows.collect::<Vec<_>>()
        )
    )
}

/// Requests that come due one after the other, and which of them have begun.
struct Schedule {
    began: Instant,
    due_a_second: f64,
    count: u64,
    /// One for each request that has come due and was not begun.
    due: Semaphore,
    begun: AtomicU64,
}

impl Schedule {
    fn of(due_a_second: f64, duration: Duration) -> Self {
        let due_a_second = due_a_second.max(1.0);
        Self {
            began: Instant::now() + Duration::from_millis(100),
            due_a_second,
            count: (duration.as_secs_f64() * due_a_second) as u64,
            due: Semaphore::new(0),
            begun: AtomicU64::new(0),
        }
    }

    fn due_time(&self, n: u64) -> Instant {
        self.began + Duration::from_secs_f64(n as f64 / self.due_a_second)
    }

    /// Lets requests begin as they come due, and then each of the connections see that none is left.
    fn pace(&self, connections: usize) {
        let mut let_through = 0;
        while let_through < self.count {
            let wait = self
                .due_time(let_through)
                .saturating_duration_since(Instant::now());
            thread::sleep(wait.max(PACE));
            let since = self.began.elapsed().as_secs_f64();
            let due = ((since * self.due_a_second) as u64 + 1).min(self.count);
            self.due.add_permits((due - let_through) as usize);
            let_through = due;
        }
        self.due.add_permits(connections);
    }

    /// When the next request was due, as soon as it is; none when there are no more.
    async fn next(&self) -> Option<Instant> {
        self.due.acquire().await.ok()?.forget();
        let n = self.begun.fetch_add(1, Ordering::Relaxed);
        (n < self.count).then(|| self.due_time(n))
    }
}

/// Microseconds from when each request was due until it was answered.
async fn waits_at(
    load: &HttpLoad<'_>,
    first: &Arc<AtomicU64>,
    due_a_second: f64,
    duration: Duration,
) -> Result<Histogram<u64>, Failure> {
    let mut wires = Vec::new();
    for _ in 0..load.connections {
        wires.push(HttpWire::open(load.url, load.path, load.headers).await?);
    }
    let schedule = Arc::new(Schedule::of(due_a_second, duration));
    let mut connections: JoinSet<_> = wires
        .into_iter()
        .map(|wire| ask_when_due(wire, schedule.clone(), first.clone(), load.expected))
        .collect();
    let count = load.connections;
    let pacing = tokio::task::spawn_blocking(move || schedule.pace(count));
    let mut all = empty_histogram()?;
    while let Some(ended) = connections.join_next().await {
        all.add(ended.map_err(failed)??).map_err(failed)?;
    }
    pacing.await.map_err(failed)?;
    Ok(all)
}

async fn ask_when_due(
    mut wire: HttpWire,
    schedule: Arc<Schedule>,
    first: Arc<AtomicU64>,
    expected: u16,
) -> Result<Histogram<u64>, Failure> {
    let mut waits = empty_histogram()?;
    while let Some(due) = schedule.next().await {
        let request = workload::request(first.fetch_add(1, Ordering::Relaxed));
        wire.ask_for(&request, expected).await?;
        waits.saturating_record(due.elapsed().as_micros() as u64);
    }
    Ok(waits)
}

/// Of microseconds to a minute, to three digits.
fn empty_histogram() -> Result<Histogram<u64>, Failure> {
    Histogram::new_with_max(60_000_000, 3).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use std::{sync::Arc, time::Duration};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_request_of_a_schedule_begins_once_and_not_before_it_is_due() {
        let schedule = Arc::new(Schedule::of(2_000.0, Duration::from_millis(200)));
        let pacing = tokio::task::spawn_blocking({
            let schedule = schedule.clone();
            move || schedule.pace(2)
        });
        let take = |schedule: Arc<Schedule>| async move {
            let mut taken = Vec::new();
            while let Some(due) = schedule.next().await {
                assert!(due.elapsed() > Duration::ZERO, "it is due");
                taken.push(due);
            }
            taken
        };
        let (one, other) = tokio::join!(take(schedule.clone()), take(schedule.clone()));
        pacing.await.expect("it paces");
        let mut all = [one, other].concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 400);
    }
}
