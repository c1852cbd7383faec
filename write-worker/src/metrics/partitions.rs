//! What is measured for each partition that is owned here: only what is needed to scale, and to find
//! one that is stuck.

use parking_lot::Mutex;
use prometheus::IntGaugeVec;
use runtime::metrics::MetricSink;
use std::collections::HashMap;
use tokio::time::Instant;

pub(crate) struct PartitionGauges {
    lag: IntGaugeVec,
    drain: IntGaugeVec,
    flooded: IntGaugeVec,
    cached: IntGaugeVec,
    rates: Mutex<HashMap<u16, Rate>>,
}

/// Events a second of one partition, smoothed over about half a minute.
struct Rate {
    since: Instant,
    count: usize,
    per_second: f64,
    lag: u64,
}

impl PartitionGauges {
    pub fn register(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        Ok(Self {
            lag: registry.new_gauges(
                "consign_worker_lag_events",
                "Events of a partition not yet decided",
                &["partition"],
            )?,
            drain: registry.new_gauges(
                "consign_worker_time_to_drain_seconds",
                "Seconds until a partition's lag is gone at its present rate",
                &["partition"],
            )?,
            flooded: registry.new_gauges(
                "consign_worker_flooded",
                "1: the partition waits because of a flood of dead letters",
                &["partition"],
            )?,
            cached: registry.new_gauges(
                "consign_worker_cache_bytes",
                "Memory for documents and rows of a partition that were read or decided lately",
                &["partition"],
            )?,
            rates: Mutex::new(HashMap::new()),
        })
    }

    /// Does the partition wait because of a flood of dead letters?
    pub fn set_flooded(&self, partition: u16, waits: bool) {
        self.flooded
            .with_label_values(&[&partition.to_string()])
            .set(i64::from(waits));
    }

    /// What the decider remembers of documents and rows.
    pub fn set_cached(&self, partition: u16, bytes: usize) {
        self.cached
            .with_label_values(&[&partition.to_string()])
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Events behind, as the decider sees it.
    pub fn set_lag(&self, partition: u16, events: u64) {
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
    pub fn note_resolved(&self, partition: u16, events: usize) {
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
        _ = self.cached.remove_label_values(&[&label]);
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
