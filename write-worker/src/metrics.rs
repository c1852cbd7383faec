//! The worker's metrics, named once. Units last; per partition only what is needed to scale and to
//! find a stuck one.

mod partitions;

use event_schema::outcome::{LedgerEntry, RefusalCode, Verdict};
use partitions::PartitionGauges;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramTimer, HistogramVec, IntCounter, IntCounterVec,
    IntGaugeVec, Opts, exponential_buckets,
};
use runtime::metrics::MetricSink;
use std::time::Duration;

/// How many calls wait for a store, and how long until it is tried again. Clones share it.
#[derive(Clone)]
pub(crate) struct StoreGauges {
    waiting: IntGaugeVec,
    backoff: GaugeVec,
}

impl StoreGauges {
    fn register(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        let backoff = Opts::new(
            "consign_worker_store_backoff_seconds",
            "Seconds until a store that does not answer is tried again",
        );
        Ok(Self {
            waiting: registry.new_gauges(
                "consign_worker_store_waits",
                "Batches and reads that wait for a store that does not answer",
                &["store"],
            )?,
            backoff: registry.registered(GaugeVec::new(backoff, &["store"])?)?,
        })
    }

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
    unconfirmed: IntCounterVec,
    dead_lettered: IntCounter,
    duplicates: IntCounter,
    retried: IntCounterVec,
    alarms: IntCounter,
    diverged: IntCounter,
    pub partitions: PartitionGauges,
    store_gauges: StoreGauges,
    batch: Histogram,
    stage: HistogramVec,
    store: HistogramVec,
    latency: Histogram,
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
        Ok(Self {
            decided: registry.new_counters(
                "consign_worker_decided_total",
                "Decisions appended, by verdict",
                &["verdict"],
            )?,
            resolved: registry.new_counters(
                "consign_worker_resolved_total",
                "Requests resolved, by operation and verdict",
                &["operation", "verdict"],
            )?,
            refused: registry.new_counters(
                "consign_worker_refused_total",
                "Requests refused, by reason",
                &["code"],
            )?,
            unconfirmed: registry.new_counters(
                "consign_worker_unconfirmed_total",
                "Events whose caller could not be looked at when they were taken, by what a look found",
                &["found"],
            )?,
            dead_lettered: registry
                .new_counter("consign_worker_dead_lettered_total", "Dead letters written")?,
            duplicates: registry.new_counter(
                "consign_worker_duplicates_total",
                "Records that the log holds twice",
            )?,
            retried: registry.new_counters(
                "consign_worker_retried_total",
                "Tries that had to be repeated, by what did not answer",
                &["what"],
            )?,
            alarms: registry.new_counter(
                "consign_worker_alarms_total",
                "Partitions stopped because something is wrong that no retry mends",
            )?,
            diverged: registry.new_counter(
                "consign_worker_diverged_total",
                "Documents whose state the view refuses although the record holds it",
            )?,
            partitions: PartitionGauges::register(registry)?,
            store_gauges: StoreGauges::register(registry)?,
            batch: registry.new_histogram(sizes)?,
            stage: registry.new_histograms(
                seconds(
                    "consign_worker_stage_seconds",
                    "Seconds a batch spends in a stage",
                ),
                &["stage"],
            )?,
            store: registry.new_histograms(
                seconds(
                    "consign_worker_store_seconds",
                    "Seconds a store takes for a batch",
                ),
                &["store"],
            )?,
            latency: registry.new_histogram(seconds(
                "consign_worker_accepted_to_applied_seconds",
                "Seconds from the log's acceptance to applied",
            ))?,
        })
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

    /// Of a write that was taken on trust: may the caller do it?
    pub fn looked_at_caller(&self, may: bool) {
        let found = if may { "confirmed" } else { "revoked" };
        self.unconfirmed.with_label_values(&[found]).inc();
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
        RefusalCode::Revoked => "revoked",
    }
}
