//! The worker's metrics, named once. Units last; per partition only what is needed to scale and to
//! find a stuck one.

use event_schema::outcome::{LedgerEntry, RefusalCode, Verdict};
use parking_lot::Mutex;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramTimer, HistogramVec, IntCounter, IntCounterVec,
    IntGaugeVec, Opts, exponential_buckets,
};
use runtime::metrics::MetricSink;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How many calls wait for a store, and how long until it is tried again. Clones share it.
#[derive(Clone)]
pub(crate) struct StoreGauges {
    waiting: IntGaugeVec,
    backoff: GaugeVec,
}

impl StoreGauges {
    pub fn set(&self, store: &str, waiting: usize, backoff: Duration) {
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        self.waiting.with_label_values(&[store]).set(waiting);
        let backoff = backoff.as_secs_f64();
        self.backoff.with_label_values(&[store]).set(backoff);
    }
}

pub(crate) struct Metrics {
    decided: IntCounterVec,
    resolved: IntCounterVec,
    refused: IntCounterVec,
    dead_lettered: IntCounter,
    duplicates: IntCounter,
    retried: IntCounterVec,
    alarms: IntCounter,
    diverged: IntCounter,
    lag: IntGaugeVec,
    drain: IntGaugeVec,
    flooded: IntGaugeVec,
    store_gauges: StoreGauges,
    batch: Histogram,
    stage: HistogramVec,
    store: HistogramVec,
    latency: Histogram,
    rates: Mutex<HashMap<u16, Rate>>,
}

/// Events a second of one partition, smoothed over about half a minute.
struct Rate {
    since: Instant,
    count: usize,
    per_second: f64,
    lag: u64,
}

impl Metrics {
    pub fn register(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        let seconds = |name, help| {
            HistogramOpts::new(name, help)
                .buckets(exponential_buckets(0.0005, 2.0, 17).unwrap_or_default())
        };
        let sizes = HistogramOpts::new("consign_worker_batch_events", "Events decided together")
            .buckets(vec![
                1., 2., 5., 10., 20., 50., 100., 200., 500., 1000., 2000.,
            ]);
        let metrics = Self {
            decided: IntCounterVec::new(
                Opts::new(
                    "consign_worker_decided_total",
                    "Decisions appended, by verdict",
                ),
                &["verdict"],
            )?,
            resolved: IntCounterVec::new(
                Opts::new(
                    "consign_worker_resolved_total",
                    "Requests resolved, by operation and verdict",
                ),
                &["operation", "verdict"],
            )?,
            refused: IntCounterVec::new(
                Opts::new(
                    "consign_worker_refused_total",
                    "Requests refused, by reason",
                ),
                &["code"],
            )?,
            dead_lettered: IntCounter::new(
                "consign_worker_dead_lettered_total",
                "Dead letters written",
            )?,
            duplicates: IntCounter::new(
                "consign_worker_duplicates_total",
                "Records that the log holds twice",
            )?,
            retried: IntCounterVec::new(
                Opts::new(
                    "consign_worker_retried_total",
                    "Tries that had to be repeated, by what did not answer",
                ),
                &["what"],
            )?,
            alarms: IntCounter::new(
                "consign_worker_alarms_total",
                "Partitions stopped because something is wrong that no retry mends",
            )?,
            diverged: IntCounter::new(
                "consign_worker_diverged_total",
                "Documents whose state the view refuses although the record holds it",
            )?,
            lag: IntGaugeVec::new(
                Opts::new(
                    "consign_worker_lag_events",
                    "Events of a partition not yet decided",
                ),
                &["partition"],
            )?,
            drain: IntGaugeVec::new(
                Opts::new(
                    "consign_worker_time_to_drain_seconds",
                    "Seconds until a partition's lag is gone at its present rate",
                ),
                &["partition"],
            )?,
            flooded: IntGaugeVec::new(
                Opts::new(
                    "consign_worker_flooded",
                    "1: the partition waits because of a flood of dead letters",
                ),
                &["partition"],
            )?,
            store_gauges: StoreGauges {
                waiting: IntGaugeVec::new(
                    Opts::new(
                        "consign_worker_store_waits",
                        "Batches and reads that wait for a store that does not answer",
                    ),
                    &["store"],
                )?,
                backoff: GaugeVec::new(
                    Opts::new(
                        "consign_worker_store_backoff_seconds",
                        "Seconds until a store that does not answer is tried again",
                    ),
                    &["store"],
                )?,
            },
            batch: Histogram::with_opts(sizes)?,
            stage: HistogramVec::new(
                seconds(
                    "consign_worker_stage_seconds",
                    "Seconds a batch spends in a stage",
                ),
                &["stage"],
            )?,
            store: HistogramVec::new(
                seconds(
                    "consign_worker_store_seconds",
                    "Seconds a store takes for a batch",
                ),
                &["store"],
            )?,
            latency: Histogram::with_opts(seconds(
                "consign_worker_accepted_to_applied_seconds",
                "Seconds from the log's acceptance to applied",
            ))?,
            rates: Mutex::new(HashMap::new()),
        };
        registry.register(Box::new(metrics.decided.clone()))?;
        registry.register(Box::new(metrics.resolved.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.dead_lettered.clone()))?;
        registry.register(Box::new(metrics.duplicates.clone()))?;
        registry.register(Box::new(metrics.retried.clone()))?;
        registry.register(Box::new(metrics.alarms.clone()))?;
        registry.register(Box::new(metrics.diverged.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        registry.register(Box::new(metrics.drain.clone()))?;
        registry.register(Box::new(metrics.flooded.clone()))?;
        registry.register(Box::new(metrics.store_gauges.waiting.clone()))?;
        registry.register(Box::new(metrics.store_gauges.backoff.clone()))?;
        registry.register(Box::new(metrics.batch.clone()))?;
        registry.register(Box::new(metrics.stage.clone()))?;
        registry.register(Box::new(metrics.store.clone()))?;
        registry.register(Box::new(metrics.latency.clone()))?;
        Ok(metrics)
    }

    pub fn stage(&self, stage: &str) -> HistogramTimer {
        self.stage.with_label_values(&[stage]).start_timer()
    }

    pub fn store(&self, store: &str) -> HistogramTimer {
        self.store.with_label_values(&[store]).start_timer()
    }

    pub fn batch(&self, events: usize) {
        self.batch.observe(events as f64);
    }

    pub fn decided(&self, verdict: &Verdict) {
        self.decided
            .with_label_values(&[verdict_label(verdict)])
            .inc();
    }

    pub fn resolved(&self, entry: &LedgerEntry) {
        self.resolved
            .with_label_values(&[entry.operation.as_str(), verdict_label(&entry.verdict)])
            .inc();
        match &entry.verdict {
            Verdict::Refused(refusal) => self
                .refused
                .with_label_values(&[refusal_label(refusal.code)])
                .inc(),
            Verdict::Applied => self
                .latency
                .observe((entry.times.applied - entry.times.accepted).max(0) as f64 / 1000.0),
            Verdict::DeadLettered(_) | Verdict::Parked(_) => {}
        }
    }

    pub fn dead_lettered(&self) {
        self.dead_lettered.inc();
    }

    pub fn duplicate(&self) {
        self.duplicates.inc();
    }

    pub fn retried(&self, what: &str) {
        self.retried.with_label_values(&[what]).inc();
    }

    pub fn alarm(&self) {
        self.alarms.inc();
    }

    pub fn diverged(&self) {
        self.diverged.inc();
    }

    pub fn store_gauges(&self) -> StoreGauges {
        self.store_gauges.clone()
    }

    /// Does the partition wait because of a flood of dead letters?
    pub fn flooded(&self, partition: u16, waits: bool) {
        self.flooded
            .with_label_values(&[&partition.to_string()])
            .set(i64::from(waits));
    }

    /// Events behind, as the decider sees it.
    pub fn lag(&self, partition: u16, events: u64) {
        self.lag
            .with_label_values(&[&partition.to_string()])
            .set(events as i64);
        self.rates
            .lock()
            .entry(partition)
            .or_insert_with(Rate::new)
            .lag = events;
    }

    /// Events resolved: keeps the partition's rate and with it the time to drain.
    pub fn drained(&self, partition: u16, events: usize) {
        let mut rates = self.rates.lock();
        let rate = rates.entry(partition).or_insert_with(Rate::new);
        rate.count += events;
        let elapsed = rate.since.elapsed().as_secs_f64();
        if elapsed >= 1.0 {
            let now = rate.count as f64 / elapsed;
            let weight = (elapsed / 30.0).min(1.0);
            rate.per_second = if rate.per_second == 0.0 {
                now
            } else {
                rate.per_second * (1.0 - weight) + now * weight
            };
            (rate.count, rate.since) = (0, Instant::now());
        }
        let seconds = if rate.lag == 0 {
            0.0
        } else {
            rate.lag as f64 / rate.per_second.max(0.001)
        };
        self.drain
            .with_label_values(&[&partition.to_string()])
            .set(seconds.ceil().min(1e9) as i64);
    }

    /// The partition is somebody else's now.
    pub fn forget(&self, partition: u16) {
        let label = partition.to_string();
        // It may never have been set.
        _ = self.lag.remove_label_values(&[&label]);
        _ = self.drain.remove_label_values(&[&label]);
        _ = self.flooded.remove_label_values(&[&label]);
        self.rates.lock().remove(&partition);
    }
}

impl Rate {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            count: 0,
            per_second: 0.0,
            lag: 0,
        }
    }
}

fn verdict_label(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => "applied",
        Verdict::Refused(_) => "refused",
        Verdict::DeadLettered(_) => "dead_lettered",
        Verdict::Parked(_) => "parked",
    }
}

fn refusal_label(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::Exists => "exists",
        RefusalCode::Missing => "missing",
        RefusalCode::Version => "version",
        RefusalCode::Superseded => "superseded",
        RefusalCode::Discarded => "discarded",
        RefusalCode::IdempotencyKeyReused => "idempotency_key_reused",
        RefusalCode::TooLarge => "too_large",
        RefusalCode::Unmappable => "unmappable",
        RefusalCode::Rule => "rule",
        RefusalCode::Forbidden => "forbidden",
        RefusalCode::RateLimited => "rate_limited",
    }
}
